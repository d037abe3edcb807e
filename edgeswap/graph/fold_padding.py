"""Zeros that a layer of their own puts around an image become the convolution's: one pass over the data less.

MobileNets of `keras.applications` pad by (0, 1) before every convolution of stride 2. A runtime without a delegate that
fuses the two copies the whole image for it, and a microcontroller holds it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edgeswap.graph.ir import Graph, Layer, Node, Ref, Shape, map_refs

_PADDINGS = ("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
_CONVOLUTIONS = (
    "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
)  # fmt: skip


def fold_padding(graph: Graph) -> Graph:
    """The same function, where a convolution pads by itself what a padding layer before it did.

    Only where `padding="same"` means those very zeros: it puts (output - 1) * stride + reach - input of them around an
    axis, one more behind than before if they are odd (TensorFlow, `tf.nn.convolution`). A padding that anything else
    reads stays for that; a convolution that is called several times, or on an image of free size, stays as it is.

    Args:
        graph: canonical, with the shapes of its tensors.
    """
    layers = dict(graph.layers)
    nodes = []
    for node in graph.nodes:
        layer, padding = layers[node.layer], _padding_before(graph, node)
        if padding is not None and _is_same(layer, graph.layers[padding.layer], graph.shape(padding.refs()[0])):
            layers[node.layer] = replace(layer, config={**layer.config, "padding": "same"})
            nodes.append(_reading(padding.refs()[0], node))
        else:
            nodes.append(node)
    folded = replace(graph, layers=layers, nodes=tuple(nodes))
    return _without_idle_paddings(folded)


def _padding_before(graph: Graph, node: Node) -> Node | None:
    """The call of a padding layer that is all this call of a convolution reads."""
    if graph.layers[node.layer].class_name not in _CONVOLUTIONS or len(graph.calls(node.layer)) != 1:
        return None
    refs = node.refs()
    source = graph.node(refs[0]) if len(refs) == 1 else None
    return source if source is not None and graph.layers[source.layer].class_name in _PADDINGS else None


def _reading(tensor: Ref, node: Node) -> Node:
    return replace(node, args=map_refs(node.args, lambda _: tensor))


def _is_same(convolution: Layer, padding: Layer, shape: Shape | None) -> bool:
    config = convolution.config
    last = "channels_last"
    if shape is None or config["padding"] != "valid" or convolution.python_class or padding.python_class:
        return False
    if {config.get("data_format", last), padding.config.get("data_format", last)} != {last}:
        return False
    ends = _pairs(padding.config["padding"], len(shape) - 2)
    axes = zip(shape[1:-1], config["kernel_size"], config["strides"], config["dilation_rate"], ends, strict=True)
    return all(size is not None and _same(size, *of) == end for size, *of, end in axes)


def _pairs(padding: Any, axes: int) -> list[tuple[int, int]]:
    """Zeros before and behind, axis by axis; of a sequence Keras writes the pair alone."""
    given: Sequence[Any] = [padding] if axes == 1 else padding
    return [(int(before), int(behind)) for before, behind in given]


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """The zeros that `padding="same"` puts before and behind an axis."""
    outputs = -(-size // stride)
    zeros = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return zeros // 2, zeros - zeros // 2


def _without_idle_paddings(graph: Graph) -> Graph:
    read = {ref.node for ref in graph.outputs} | {name for name, readers in graph.consumers().items() if readers}
    nodes = tuple(
        node for node in graph.nodes if node.name in read or graph.layers[node.layer].class_name not in _PADDINGS
    )
    called = {node.layer for node in nodes}
    layers = {name: layer for name, layer in graph.layers.items() if name in called}
    return replace(graph, layers=layers, nodes=nodes)
