"""The built-in example: a small MobileNetV2 for handwritten digits; its recipe is `edgeswap.training.digits_recipe`.

The output is logits, not probabilities: an int8 softmax has 256 levels in [0, 1), so near a decision two classes
often share a level and top-1 becomes a matter of order.
"""

from __future__ import annotations

import random

from edgeswap.activations.catalog import Activation
from edgeswap.frameworks import keras
from edgeswap.model.zoo import DIGITS_PREPROCESS, mobilenet_v2
from edgeswap.system.random_state import kept_random_state

# Strides come early: at 8x8 pixels the depthwise layers dominate, and the later ones cost a quarter each at 4x4.
STAGES = (
    mobilenet_v2.Stage(expansion=1, channels=16, repeats=1, stride=1),
    mobilenet_v2.Stage(expansion=4, channels=24, repeats=2, stride=2),
    mobilenet_v2.Stage(expansion=4, channels=32, repeats=2, stride=2),
)
PREPROCESS = DIGITS_PREPROCESS


def build(activation: str | Activation = "swish", *, seed: int = 0) -> keras.Model:
    """The untrained network: float32 (N, 8, 8, 1) in 0..1 to logits (N, 10); five inverted residuals.

    Batch normalization averages with momentum 0.9: training takes under a thousand steps, after which 0.999 would
    still hold a third of the starting values.

    Raises:
        ConfigError: the activation is not in the catalog.
    """
    with kept_random_state():
        random.seed(seed)  # from which Keras 3 draws the seeds of initializers
        return mobilenet_v2.build(
            (8, 8, 1),
            10,
            activation=activation,
            stages=STAGES,
            stem_channels=16,
            stem_stride=1,
            last_channels=128,
            momentum=0.9,
            name="digits",
        )
