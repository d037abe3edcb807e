"""Concats of inputs of very different size, parted so that each input keeps a scale of its own.

TFLite's int8 CONCATENATION takes inputs of its output's scale and zero point alone (kernels/concatenation.cc: "no
re-scaling"), so the converter requantizes all of them to the widest, and a small input keeps a few steps. A convolution
or dense layer that reads a concat is the sum of one layer for each input:

    W [a, b] + c  =  W_a a + (W_b b + c)

It costs an operator and an ADD for each further size, and rounds each part's output once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Graph, Layer, Node, Ref
from edgeswap.quantization.channel_groups import INPUT_AXES
from edgeswap.quantization.channel_sizes import channel_sizes
from edgeswap.quantization.folding import fold_batch_norms

CONCAT_RATIO = 10.0  # the smallest input of a concat keeps 25 of 255 steps, 28 dB


def part_unequal_concats(graph: Graph, samples: Sequence[npt.NDArray[np.float32]]) -> Graph:
    """The same function, to float32's rounding, without concats of inputs that differ by `CONCAT_RATIO` or more.

    Parted is a concat over the last axis that only convolutions and dense layers read. Inputs of about one size stay
    together. The sum keeps the name of the layer that read the concat; its parts are called `<name>_part1`, ….

    Args:
        graph: canonical, with weights; the same graph comes back where nothing is parted.
        samples: the representative dataset: one array (N, ...) for each model input, float32, preprocessed.
    """
    concats = [node for node in graph.nodes if _can_be_parted(graph, node)]
    if not concats:
        return graph
    names = dict.fromkeys(ref.node for node in concats for ref in node.refs())
    largest = {name: float(sizes.max(initial=0.0)) for name, sizes in channel_sizes(graph, names, samples).items()}
    unequal = {node.name: parts for node in concats if len(parts := _parts(node, largest)) > 1}
    if not unequal:
        return graph
    # A batch normalization behind the sum would be an operator of its own.
    folded = fold_batch_norms(graph)
    for name, parts in unequal.items():
        folded = _parted(folded, folded.node(name), parts)
    return folded


def _can_be_parted(graph: Graph, node: Node) -> bool:
    layer, readers = graph.layers[node.layer], graph.consumers()[node.name]
    shape, refs = graph.shape(Ref(node.name)), node.refs()
    if layer.class_name != "Concatenate" or shape is None or not readers:
        return False
    if layer.config["axis"] not in (-1, len(shape) - 1) or Ref(node.name) in graph.outputs:
        return False
    single = all(ref.index == 0 and len(graph.calls(graph.node(ref).layer)) == 1 for ref in refs)
    sized = all(size is not None and size[-1] is not None for size in map(graph.shape, refs))
    return single and sized and len(graph.calls(layer.name)) == 1 and all(_sums(graph, one) for one in readers)


def _sums(graph: Graph, node: Node) -> bool:
    """Whether this call is a sum over the channels of what it reads."""
    layer = graph.layers[node.layer]
    return (
        layer.class_name in INPUT_AXES
        and layer.config.get("groups", 1) == 1
        and layer.config.get("data_format", "channels_last") in ("channels_last", None)
        and len(graph.calls(layer.name)) == 1
    )


def _parts(concat: Node, largest: Mapping[str, float]) -> list[list[int]]:
    """Positions of the inputs, those of about one size together; of what is all zero nothing is lost anywhere."""
    sizes = [largest[ref.node] for ref in concat.refs()]
    order = sorted(range(len(sizes)), key=lambda position: (-sizes[position], position))
    parts: list[list[int]] = []
    for position in order:
        if parts and (sizes[position] == 0 or sizes[position] * CONCAT_RATIO > sizes[parts[-1][0]]):
            parts[-1].append(position)
        else:
            parts.append([position])
    return [sorted(part) for part in parts]


def _parted(graph: Graph, concat: Node, parts: Sequence[Sequence[int]]) -> Graph:
    """The graph with each reader of `concat` as the sum of one layer for each of `parts`."""
    refs = concat.refs()
    counts = [(graph.shape(ref) or (0,))[-1] or 0 for ref in refs]
    starts = np.cumsum([0, *counts])
    channels = [np.concatenate([np.arange(starts[at], starts[at + 1]) for at in part]) for part in parts]
    layers, nodes = dict(graph.layers), list[Node]()
    readers = {node.name for node in graph.consumers()[concat.name]}
    del layers[concat.layer]
    for node in graph.nodes:
        if node.name == concat.name:
            joined = [_joined(graph, concat, part, number) for number, part in enumerate(parts, start=1)]
            nodes += [one for one in joined if isinstance(one, Node)]
            layers |= {
                one.layer: replace(graph.layers[concat.layer], name=one.layer)
                for one in joined
                if isinstance(one, Node)
            }
            sources = [Ref(one.name) if isinstance(one, Node) else one for one in joined]
        elif node.name in readers:
            whole = layers.pop(node.layer)
            for number, (rows, source) in enumerate(zip(channels, sources, strict=True), start=1):
                part = _part(whole, rows, f"{node.layer}_part{number}", has_bias=number == len(parts))
                layers[part.name] = part
                nodes.append(Node(part.name, part.name, (source,), shapes=node.shapes))
            total = [Ref(f"{node.layer}_part{number}") for number in range(1, len(parts) + 1)]
            layers[node.layer] = Layer(node.layer, "Add", {"name": node.layer, "dtype": whole.config.get("dtype")})
            nodes.append(replace(node, args=(total,), kwargs={}))
        else:
            nodes.append(node)
    return replace(graph, layers=layers, nodes=tuple(nodes))


def _joined(graph: Graph, concat: Node, part: Sequence[int], number: int) -> Node | Ref:
    """What a part reads: the one input, or a concat of several."""
    refs = [concat.refs()[position] for position in part]
    if len(refs) == 1:
        return refs[0]
    name = f"{concat.layer}_part{number}"
    channels = sum((graph.shape(ref) or (0,))[-1] or 0 for ref in refs)
    return Node(name, name, (refs,), shapes=tuple((*shape[:-1], channels) for shape in concat.shapes))


def _part(layer: Layer, rows: npt.NDArray[np.int64], name: str, *, has_bias: bool) -> Layer:
    """The layer for some of the channels that it reads; one part has the bias."""
    has_bias = has_bias and bool(layer.config["use_bias"])
    kernel = np.take(layer.weights[0], rows, axis=INPUT_AXES[layer.class_name])
    config = {**layer.config, "name": name, "use_bias": has_bias}
    return replace(layer, name=name, config=config, weights=(kernel, *(layer.weights[1:] if has_bias else ())))
