"""What the weights of a kernel are multiplied with, at some of the places where a layer is applied."""

from __future__ import annotations

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


def kernel_inputs(layer: Layer, given: Floats, *, seed: int = 0) -> Floats:
    """(groups, rows, inputs) as `as_groups` has them, at places drawn from all samples.

    Args:
        layer: one that `has_kernel_inputs` knows.
        given: what the layer reads, (N, ...), channels last.
        seed: of the draw.
    """
    if layer.class_name == "Dense":
        rows = given.reshape(-1, given.shape[-1])
        return np.asarray(rows[_drawn(len(rows), PLACES, seed)][None])
    height, width = layer.weights[0].shape[:2]
    strides = np.broadcast_to(layer.config["strides"], 2)
    padded, counts = _padded(given, (height, width), strides, same=layer.config["padding"] == "same")
    most = DEPTHWISE_PLACES if layer.class_name == "DepthwiseConv2D" else PLACES
    sample, row, column = np.unravel_index(
        _drawn(len(given) * counts[0] * counts[1], most, seed), (len(given), counts[0], counts[1])
    )
    down = (row * strides[0])[:, None, None] + np.arange(height)[:, None]
    across = (column * strides[1])[:, None, None] + np.arange(width)
    patches: Floats = padded[sample[:, None, None], down, across]  # (rows, height, width, channels)
    if layer.class_name == "DepthwiseConv2D":
        return np.ascontiguousarray(patches.reshape(len(patches), height * width, -1).transpose(2, 0, 1))
    return patches.reshape(1, len(patches), -1)


def _drawn(count: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _padded(
    given: Floats, kernel: tuple[int, int], strides: npt.NDArray[Any], *, same: bool
) -> tuple[Floats, tuple[int, int]]:
    """What the layer reads with its padding, and at how many places it is applied, down and across."""
    if not same:
        counts = tuple((given.shape[1 + i] - kernel[i]) // int(strides[i]) + 1 for i in range(2))
        return given, (counts[0], counts[1])
    counts = tuple(-(-given.shape[1 + i] // int(strides[i])) for i in range(2))
    missing = [max((counts[i] - 1) * int(strides[i]) + kernel[i] - given.shape[1 + i], 0) for i in range(2)]
    sides = [(each // 2, each - each // 2) for each in missing]
    return np.pad(given, [(0, 0), *sides, (0, 0)]), (counts[0], counts[1])
