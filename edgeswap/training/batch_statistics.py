"""Batch normalization by the mean and variance of the whole batch, of which each replica has a part."""

from __future__ import annotations

import math
from typing import Any


def normalize_by_all_replicas(layer: Any, batch_size: int) -> None:
    """Have a BatchNormalization layer that is built take its statistics over all replicas.

    tf_keras has that for a layer that is made so. The fused operator, which a layer behind a convolution has, keeps the
    unbiased variance in its moving average, the other one the biased: the factor between them is made good.

    Args:
        layer: tf_keras 2.21, built, of one input.
        batch_size: of all replicas together.
    """
    layer.synchronized = True
    if not layer.fused:
        return
    layer.fused = False
    axis = layer.axis[0] if isinstance(layer.axis, (list, tuple)) else layer.axis
    shape = list(layer.input_shape)
    count = batch_size * math.prod(size for number, size in enumerate(shape) if number not in (0, axis % len(shape)))
    update = layer._assign_moving_average

    def unbiased(variable: Any, value: Any, *arguments: Any) -> Any:
        factor = count / (count - 1) if variable is layer.moving_variance else 1.0
        return update(variable, value * factor, *arguments)

    layer._assign_moving_average = unbiased
