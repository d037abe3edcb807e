"""A small regressor of key points: where three points of the one digit on a canvas are."""

from __future__ import annotations

from edgeswap.frameworks import keras
from edgeswap.model.zoo.blocks import convolution, seeded

SIZE = 24


def build(*, seed: int = 0) -> keras.Model:
    """The untrained network: float32 (N, 24, 24, 1) in 0..1 to (N, 6), y and x of each point as shares."""
    with seeded(seed):
        image = keras.Input((SIZE, SIZE, 1), name="image")
        x = image
        for channels in (16, 24, 32):
            x = convolution(x, channels, stride=2)
        x = keras.layers.Dense(48, activation="relu")(keras.layers.Flatten()(x))
        return keras.Model(image, keras.layers.Dense(6, name="points")(x), name="keypoints")
