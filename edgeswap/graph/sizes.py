"""Height and width of every image-like tensor of a graph, as far as they follow from configs alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgeswap.graph.ir import Graph, Layer

Size = tuple[int, int]

_SAME_SIZE = frozenset({"BatchNormalization", "LeakyReLU", "Dropout", "SpatialDropout2D", "GaussianDropout"}) | {
    "GaussianNoise",
    "ActivityRegularization",
    "Rescaling",
    "Normalization",
}
_MERGES = ("Add", "Subtract", "Multiply", "Concatenate")
# What does not depend on the size of what is read.
_STARTS = ("InputLayer", "Reshape")


def spatial_sizes(graph: Graph) -> dict[str, Size]:
    """Node name to (height, width) of its output (N, height, width, channels), for every node of which it is known.

    Followed are inputs of a fixed size, convolutions, pooling, padding, cropping, upsampling, reshapes and what keeps a
    size.
    """
    sizes: dict[str, Size] = {}
    for node in graph.nodes:
        layer = graph.layer_of(node)
        before = [sizes[ref.node] for ref in node.refs() if ref.node in sizes]
        if len(before) == len(node.refs()) or layer.class_name in _STARTS:
            size = _size(layer, before)
            if size is not None and min(size) > 0:
                sizes[node.name] = size
    return sizes


def _size(layer: Layer, before: Sequence[Size]) -> Size | None:
    if layer.config.get("data_format", "channels_last") != "channels_last":
        return None
    if layer.activation is not None or layer.class_name in _SAME_SIZE:
        return before[0]
    rule = _RULES.get(layer.class_name)
    return None if rule is None else rule(layer.config, before)


Rule = Callable[[Mapping[str, Any], Sequence[Size]], Size | None]


def _given(config: Mapping[str, Any], _: Sequence[Size]) -> Size | None:
    """Of an input or a reshape: what its config says."""
    shape = config["batch_shape"][1:] if "batch_shape" in config else config["target_shape"]
    return (shape[0] or 0, shape[1] or 0) if len(shape) == 3 else None


def _merged(_: Mapping[str, Any], before: Sequence[Size]) -> Size:
    """Of several: one may be broadcast to the other's size."""
    return max(height for height, _ in before), max(width for _, width in before)


def _global(config: Mapping[str, Any], _: Sequence[Size]) -> Size | None:
    return (1, 1) if config.get("keepdims") else None


def _strided(window: str) -> Rule:
    """Of a window that is moved over the image; `window` is the key of its size."""

    def size(config: Mapping[str, Any], before: Sequence[Size]) -> Size | None:
        if config["padding"] not in ("same", "valid"):
            return None
        found = []
        dilation = config.get("dilation_rate", (1, 1))
        for length, extent, stride, step in zip(before[0], config[window], config["strides"], dilation, strict=True):
            reach = length if config["padding"] == "same" else length - (extent - 1) * step
            found.append(-(-reach // stride))
        return found[0], found[1]

    return size


def _grown(key: str, sign: int) -> Rule:
    def size(config: Mapping[str, Any], before: Sequence[Size]) -> Size:
        (top, bottom), (left, right) = config[key]
        (height, width), *_ = before
        return height + sign * (top + bottom), width + sign * (left + right)

    return size


def _upsampled(config: Mapping[str, Any], before: Sequence[Size]) -> Size:
    (height, width), *_ = before
    return height * config["size"][0], width * config["size"][1]


_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_STARTS, _given),
    **dict.fromkeys(_MERGES, _merged),
    **dict.fromkeys(("GlobalAveragePooling2D", "GlobalMaxPooling2D"), _global),
    **dict.fromkeys(("Conv2D", "DepthwiseConv2D", "SeparableConv2D"), _strided("kernel_size")),
    **dict.fromkeys(("MaxPooling2D", "AveragePooling2D"), _strided("pool_size")),
    "ZeroPadding2D": _grown("padding", 1),
    "Cropping2D": _grown("cropping", -1),
    "UpSampling2D": _upsampled,
}
