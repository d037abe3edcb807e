"""Each end of an int8 range where it does the least harm to the outputs of the layers that read the tensor.

A range that holds every value ever seen may spend most of its steps on a few. A fixed share of values that are cut off
helps one network and ruins another; so the error itself decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import tf
from edgeswap.graph.ir import Graph, Node
from edgeswap.progress import Progress, Silent
from edgeswap.quantization.layer_by_layer import LayerByLayer
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.ranges import End, Ends
from edgeswap.quantization.specification import rule_of

# Of an end's first value, from the widest on: fine where most ranges end, and on to a hundredth for a lone outlier.
SHARES = (*np.linspace(1.0, 0.5, 11), *np.geomspace(0.4, 0.01, 12))
_GIVEN_UP = 2.0  # times the least error, from where on no narrower range is tried
_MOVABLE = ("observed", "narrowed", "saturated")
_SILENT = Silent()


def search_ranges(
    placement: Placement,
    ranges: Mapping[str, Ends],
    samples: Sequence[npt.NDArray[np.float32]],
    *,
    progress: Progress = _SILENT,
) -> dict[str, Ends]:
    """The ranges, of each that calibration set the ends where the squared error behind its readers is least.

    A reader is applied in float to the tensor as int8 holds it, and compared with the same reader of the float tensor.
    Behind an activation that is the convolution or dense layer that reads what the activation gives: an outlier that
    this layer hardly looks at is not worth the steps. A tensor with other readers is compared itself. Ends that are
    fixed, learned or prescribed stay, and none moves outwards. The upper end is searched first.

    Args:
        placement: from `place`.
        ranges: from `resolve`.
        samples: one array for each model input, (N, ...), float32, preprocessed; all are in memory at once.
        progress: told of every layer.
    """
    graph, found = placement.graph, dict(ranges)
    model = LayerByLayer(graph, samples)
    with progress.step("Search the ranges", len(graph.nodes)) as step:
        for node in graph.nodes:
            given = model.compute(node)
            if node.layer in ranges and node.layer not in placement.prescribed and len(graph.calls(node.layer)) == 1:
                found[node.layer] = _searched(ranges[node.layer], _error(model, graph, node, given))
            model.keep(node, given)
            step.advance(1)
    return found


def _searched(ends: Ends, error: Callable[[float, float], float]) -> Ends:
    low, high = ends.low.value, ends.high.value
    high = _best(ends.high, lambda value: error(low, value), ends.least + low)  # zero is within: low is not above it
    low = _best(ends.low, lambda value: error(value, high), ends.least - high)
    return Ends(_moved(ends.low, low), _moved(ends.high, high), ends.least)


def _best(end: End, error: Callable[[float], float], least: float) -> float:
    """The value of one end with the least error, of those that keep the range as wide as it has to be."""
    best, lowest = end.value, np.inf
    if end.how not in _MOVABLE or end.value == 0:
        return best
    for share in SHARES:
        value = end.value * float(share)
        if abs(value) < least:
            break
        harm = error(value)
        if harm < lowest:
            best, lowest = value, harm
        elif harm > _GIVEN_UP * lowest:
            break
    return best


def _moved(end: End, value: float) -> End:
    if value == end.value:
        return end
    return replace(end, value=value, how="searched")


def _error(model: LayerByLayer, graph: Graph, node: Node, given: Sequence[Any]) -> Callable[[float, float], float]:
    """From the ends of a range to the mean squared error behind all readers of the tensor, whose parts are `given`."""

    def error(low: float, high: float) -> float:
        errors = []
        for part, aims in zip(given, wants, strict=True):
            held = tf.quantization.fake_quant_with_min_max_vars(part, low, high)
            errors.append(
                sum(float(tf.reduce_mean(tf.square(read(held) - aim))) for read, aim in zip(reads, aims, strict=True))
            )
        return float(np.average(errors, weights=list(map(len, given))))

    reads = [_one_after_the_other([model.layer(reader) for reader in chain]) for chain in _behind(graph, node)]
    reads = reads or [lambda tensor: tensor]
    wants = [[behind(part) for behind in reads] for part in given]
    return error


def _one_after_the_other(layers: Sequence[Any]) -> Callable[[Any], Any]:
    def applied(tensor: Any) -> Any:
        for layer in layers:
            tensor = layer(tensor)
        return tensor

    return applied


def _behind(graph: Graph, node: Node) -> list[tuple[Node, ...]]:
    """The calls that read one tensor alone, identities skipped, and behind an activation what reads that.

    None where the tensor leaves the model, or any other call reads it.
    """
    leaving = {ref.node for ref in graph.outputs}
    waiting, found = [node], list[tuple[Node, ...]]()
    while waiting:
        at = waiting.pop()
        if at.name in leaving:
            return []
        for reader in graph.consumers()[at.name]:
            layer = graph.layers[reader.layer]
            rule = rule_of(layer)
            if rule is not None and rule.identity:
                waiting.append(reader)
            elif len(reader.refs()) == 1 and layer.activation is not None:
                found += [(reader, *chain) for chain in _behind(graph, reader)] or [(reader,)]
            elif len(reader.refs()) == 1 and rule is not None and rule.weights:
                found.append((reader,))
            else:
                return []
    return found
