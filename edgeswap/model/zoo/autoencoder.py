"""A small autoencoder, as MLPerf Tiny's for anomalies: it has never seen one of the digits, and so draws it badly."""

from __future__ import annotations

from edgeswap.frameworks import keras
from edgeswap.model.zoo.blocks import MOMENTUM, seeded

SIZE = 8
ANOMALY = 4  # the digit that no training sample shows
WIDTHS = (64, 8, 64)


def build(*, seed: int = 0) -> keras.Model:
    """The untrained network: float32 (N, 8, 8, 1) in 0..1 to the same shape."""
    with seeded(seed):
        image = keras.Input((SIZE, SIZE, 1), name="image")
        x = keras.layers.Flatten()(image)
        for width in WIDTHS:
            x = keras.layers.Dense(width, use_bias=False)(x)
            x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=MOMENTUM)(x))
        x = keras.layers.Dense(SIZE**2)(x)
        return keras.Model(image, keras.layers.Reshape((SIZE, SIZE, 1), name="again")(x), name="autoencoder")
