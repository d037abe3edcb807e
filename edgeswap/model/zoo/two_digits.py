"""A small multi-label network: which digits are on a canvas."""

from __future__ import annotations

from edgeswap.frameworks import keras
from edgeswap.model.zoo.blocks import convolution, seeded

SIZE = 20


def build(*, seed: int = 0) -> keras.Model:
    """The untrained network: float32 (N, 20, 20, 1) in 0..1 to ten sigmoids (N, 10), one for each digit."""
    with seeded(seed):
        image = keras.Input((SIZE, SIZE, 1), name="image")
        x = convolution(image, 16, stride=2)
        x = convolution(x, 32)
        x = keras.layers.GlobalMaxPooling2D()(convolution(x, 48, stride=2))
        return keras.Model(image, keras.layers.Dense(10, activation="sigmoid", name="digits")(x), name="two_digits")
