"""What the weights of a kernel are multiplied with, at some of the places where a layer is applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Layer

Floats = npt.NDArray[np.float32]

PLACES = 8192  # of a layer are looked at: enough for the products of some thousand inputs
DEPTHWISE_PLACES = 1024  # a channel has 9 or 25 inputs, and there are many channels


def has_kernel_inputs(layer: Layer) -> bool:
    """Whether `kernel_inputs` knows the layer."""
    config = layer.config
    plain = config.get("groups", 1) == 1 and config.get("data_format", "channels_last") in ("channels_last", None)
    dilation = config.get("dilation_rate", 1)
    return (
        layer.class_name in ("Conv2D", "DepthwiseConv2D", "Dense")
        and plain
        and (dilation == 1 or set(np.atleast_1d(dilation)) == {1})
        and (layer.class_name != "DepthwiseConv2D" or layer.weights[0].shape[-1] == 1)
    )


def as_groups(layer: Layer, kernel: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The kernel as (groups, inputs, outputs); the groups of a depthwise kernel are its channels."""
    if layer.class_name == "DepthwiseConv2D":
        return kernel.reshape(-1, kernel.shape[2]).T[:, :, None]
    return kernel.reshape(1, -1, kernel.shape[-1])


def as_kernel(layer: Layer, groups: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The inverse of `as_groups`."""
    shape = layer.weights[0].shape
    return groups[:, :, 0].T.reshape(shape) if layer.class_name == "DepthwiseConv2D" else groups[0].reshape(shape)


def kernel_inputs(layer: Layer, parts: Sequence[Floats], *, seed: int = 0) -> Floats:
    """(groups, rows, inputs) as `as_groups` has them, at places drawn from all samples.

    Args:
        layer: one that `has_kernel_inputs` knows.
        parts: what the layer reads, (N, ...) in parts of some samples, channels last.
        seed: of the draw.
    """
    if layer.class_name == "Dense":
        rows = [part.reshape(-1, part.shape[-1]) for part in parts]
        starts = np.cumsum([0, *map(len, rows)])
        drawn = _drawn(int(starts[-1]), PLACES, seed)
        bounds = np.searchsorted(drawn, starts)
        return np.concatenate([row[drawn[bounds[i] : bounds[i + 1]] - starts[i]] for i, row in enumerate(rows)])[None]
    shape, size = parts[0].shape[1:3], layer.weights[0].shape[:2]
    strides = np.broadcast_to(layer.config["strides"], 2)
    counts, before = _placed(shape, size, strides, same=layer.config["padding"] == "same")
    most = DEPTHWISE_PLACES if layer.class_name == "DepthwiseConv2D" else PLACES
    starts = np.cumsum([0, *map(len, parts)])
    total = int(starts[-1])
    sample, *place = np.unravel_index(_drawn(total * counts[0] * counts[1], most, seed), (total, *counts))
    down, across = (place[i][:, None] * strides[i] - before[i] + np.arange(size[i]) for i in range(2))
    inside = [(each >= 0) & (each < shape[i]) for i, each in enumerate((down, across))]
    down, across = (np.clip(each, 0, shape[i] - 1) for i, each in enumerate((down, across)))
    bounds = np.searchsorted(sample, starts)
    patches: Floats = np.concatenate(
        [
            part[(sample[some] - starts[i])[:, None, None], down[some, :, None], across[some, None, :]]
            for i, part in enumerate(parts)
            for some in [slice(bounds[i], bounds[i + 1])]
        ]
    )  # (rows, height, width, channels)
    patches[~(inside[0][:, :, None] & inside[1][:, None, :])] = 0  # padding
    if layer.class_name == "DepthwiseConv2D":
        return np.ascontiguousarray(patches.reshape(len(patches), size[0] * size[1], -1).transpose(2, 0, 1))
    return patches.reshape(1, len(patches), -1)


def _drawn(count: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _placed(
    given: Sequence[int], kernel: Sequence[int], strides: npt.NDArray[Any], *, same: bool
) -> tuple[tuple[int, int], tuple[int, int]]:
    """At how many places a layer is applied, down and across, and how much padding is before what it is given."""
    if not same:
        counts = [(given[i] - kernel[i]) // int(strides[i]) + 1 for i in range(2)]
        return (counts[0], counts[1]), (0, 0)
    counts = [-(-given[i] // int(strides[i])) for i in range(2)]
    missing = [max((counts[i] - 1) * int(strides[i]) + kernel[i] - given[i], 0) for i in range(2)]
    return (counts[0], counts[1]), (missing[0] // 2, missing[1] // 2)
