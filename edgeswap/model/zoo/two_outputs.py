"""A small network with two outputs: which digit is on a canvas, and where its middle is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import keras
from edgeswap.model.zoo.blocks import convolution, seeded

SIZE = 16
NEAR = 1 / SIZE  # how far from the place an answer may be, along both axes, to be right


def build(*, seed: int = 0) -> keras.Model:
    """The untrained network: float32 (N, 16, 16, 1) in 0..1 to `digit` (N, 10), a softmax, and `place` (N, 2)."""
    with seeded(seed):
        image = keras.Input((SIZE, SIZE, 1), name="image")
        x = convolution(image, 16)
        x = convolution(x, 24, stride=2)
        x = convolution(x, 32, stride=2)
        x = keras.layers.Dense(48, activation="relu")(keras.layers.Flatten()(x))
        digit = keras.layers.Dense(10, activation="softmax", name="digit")(x)
        return keras.Model(image, [digit, keras.layers.Dense(2, name="place")(x)], name="two_outputs")


def right(outputs: list[npt.NDArray[Any]], labels: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Whether both outputs are right, for each sample: the digit, and the place to a pixel. A metric for `--metric`."""
    digit, place = outputs
    near: npt.NDArray[np.bool_] = (np.abs(place - labels["place"]) <= NEAR).all(axis=1)
    right: npt.NDArray[np.bool_] = near & (digit.argmax(axis=1) == labels["digit"])
    return right
