"""What the small networks of the zoo are made of."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgeswap.frameworks import keras
from edgeswap.system.random_state import kept_random_state

MOMENTUM = 0.9  # training takes some hundred steps, after which 0.999 would still hold most of the starting values


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Initial weights that `seed` decides; the caller's random states stay."""
    with kept_random_state():
        random.seed(seed)  # from which Keras 3 draws the seeds of initializers
        yield


def convolution(x: Any, channels: int, *, stride: int = 1) -> Any:
    """A 3x3 convolution, batch normalization and ReLU."""
    x = keras.layers.Conv2D(channels, 3, stride, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=MOMENTUM)(x)
    return keras.layers.ReLU()(x)
