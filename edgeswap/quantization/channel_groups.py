"""Which tensors share their channels: whoever divides one channel of one of them must divide it in all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeswap.graph.ir import Graph, Layer, Node, Ref
from edgeswap.quantization.folding import OUTPUT_AXES
from edgeswap.quantization.specification import rule_of

# The axes of a kernel along which the channels of what it reads lie.
INPUT_AXES: Mapping[str, int] = {"Conv1D": 1, "Conv2D": 2, "Conv2DTranspose": 3, "Dense": 0}
DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")

# f(x * s) = f(x) * s for s > 0, channel by channel.
_HOMOGENEOUS = ("linear", "relu", "leaky_relu")
_CHANNEL_BY_CHANNEL = frozenset({
    "Add", "Subtract", "LeakyReLU", "ReLU", "AveragePooling1D", "AveragePooling2D", "MaxPooling1D", "MaxPooling2D",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "ZeroPadding1D",
    "ZeroPadding2D", "Cropping1D", "Cropping2D", "UpSampling2D",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class ChannelGroup:
    """Tensors whose channels, on the last axis, are divided together.

    Attributes:
        channels: how many.
        tensors: names of the nodes that give them.
        writers: layers whose output channels they are.
        readers: layers whose input channels they are.
    """

    channels: int
    tensors: tuple[str, ...]
    writers: tuple[str, ...]
    readers: tuple[str, ...]


def channel_groups(graph: Graph) -> tuple[ChannelGroup, ...]:
    """The groups of a graph whose channels may be divided by positive numbers without a change of the function.

    Tensors are tied by sums (residual chains), pools, pads and by activations that are positively homogeneous: linear,
    ReLU and LeakyReLU. A convolution or dense layer parts what it reads from what it writes. Whatever else touches a
    tensor holds it, a ReLU6 too, as do inputs and outputs of the model and layers that are called twice.

    Args:
        graph: canonical, best with batch normalizations folded (`fold_batch_norms`).
    """
    parent = {node.name: node.name for node in graph.nodes}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    held = {ref.node for ref in graph.outputs}
    writers: dict[str, list[str]] = defaultdict(list)
    readers: dict[str, list[str]] = defaultdict(list)
    for node in graph.nodes:
        layer = graph.layers[node.layer]
        sources = [ref.node for ref in node.refs()]
        if _has_channel_kernel(layer) and len(graph.calls(layer.name)) == 1 and len(sources) == 1:
            writers[node.name].append(layer.name)
            readers[sources[0]].append(layer.name)
        elif ties_channels(graph, node, layer):
            for source in sources:
                parent[root(source)] = root(node.name)
        else:
            held.update(sources, [node.name])
    members: dict[str, list[str]] = defaultdict(list)
    for node in graph.nodes:
        members[root(node.name)].append(node.name)
    holding = {root(name) for name in held}
    found = (_group(graph, tensors, writers, readers) for name, tensors in members.items() if name not in holding)
    return tuple(group for group in found if group is not None)


def _group(
    graph: Graph, tensors: Sequence[str], writers: Mapping[str, list[str]], readers: Mapping[str, list[str]]
) -> ChannelGroup | None:
    """The group of these tensors; None where no layer could take the division, or its inverse."""
    written = tuple(writer for tensor in tensors for writer in writers.get(tensor, ()))
    read = tuple(reader for tensor in tensors for reader in readers.get(tensor, ()))
    sizes = {_channels(graph, tensor) for tensor in tensors}
    if not written or not read or len(sizes) != 1:
        return None
    (size,) = sizes
    return None if size is None else ChannelGroup(size, tuple(tensors), written, read)


def _has_channel_kernel(layer: Layer) -> bool:
    if layer.class_name in DEPTHWISE:
        return bool(layer.weights) and layer.weights[0].shape[-1] == 1 and channels_last(layer)
    groups = layer.config.get("groups", 1)
    return layer.class_name in INPUT_AXES and layer.class_name in OUTPUT_AXES and groups == 1 and channels_last(layer)


def channels_last(layer: Layer) -> bool:
    """Whether the last axis is that of the channels, or the layer has no say in it."""
    return bool(layer.config.get("data_format", "channels_last") in ("channels_last", None))


def ties_channels(graph: Graph, node: Node, layer: Layer) -> bool:
    """Whether the channels that come out are those that go in, each multiplied by what its inputs are multiplied by."""
    ranks = {None if shape is None else len(shape) for shape in map(graph.shape, node.refs())}
    sizes: Sequence[int | None] = [_channels(graph, ref) for ref in node.refs()]
    same = len({*sizes, _channels(graph, Ref(node.name))}) == 1 and None not in (*sizes, *ranks)
    if not same or not channels_last(layer):
        return False
    if layer.activation is not None:
        return layer.activation.kind in _HOMOGENEOUS
    rule = rule_of(layer)
    return layer.class_name in _CHANNEL_BY_CHANNEL or (rule is not None and rule.identity)


def _channels(graph: Graph, tensor: Ref | str) -> int | None:
    shape = graph.shape(tensor if isinstance(tensor, Ref) else Ref(tensor))
    return None if shape is None or len(shape) < 2 else shape[-1]
