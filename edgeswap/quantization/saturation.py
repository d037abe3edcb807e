"""Where the activation that alone reads a tensor is flat, the tensor needs no int8 values: it may saturate there.

A hard-swish is 0 for everything below -3, so of a tensor from -67 to 17 that only a hard-swish reads, a range of -3 to
17 loses nothing and has steps a quarter as wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edgeswap.activations.catalog import Activation
from edgeswap.graph.ir import Graph, Node
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.specification import STEPS, rule_of

# Share of one step of the activation's output by which the saturation may move it, beside the half of its rounding.
TOLERANCE = 1 / 4
_POINTS = 4097  # of a range, on which the function is compared: 16 for each int8 step

Floats = npt.NDArray[np.float64]


def saturate(placement: Placement, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The ranges, of each tensor that only activations read no more than where they tell values apart.

    An end stays where less than an int8 step would be saved, and so does one above a ceiling that training still moves
    (a PACT's).

    Args:
        placement: from `place`.
        ranges: layer name to the lowest and highest value of its output, zero included, for every output of the
            placement.
    """
    consumers = placement.graph.consumers()
    return {name: _saturated(placement, consumers, ranges, name) for name in ranges}


def needed_by_readers(placement: Placement, name: str, low: float, high: float) -> float | None:
    """Width of what the activations that read a layer tell apart, although something else reads it, too.

    `saturate` leaves such a range as it is. None where no activation reads the layer.

    Args:
        placement: from `place`.
        name: of the layer.
        low: lowest value that it gives, at most 0.
        high: highest value, at least 0.
    """
    graph, consumers = placement.graph, placement.graph.consumers()
    read = [graph.layers[reader.layer].activation for node in graph.calls(name) for reader in consumers[node.name]]
    activations = [one for one in read if one is not None and one.kind != "linear"]
    if not activations or low == high:
        return None
    least, most = 0.0, 0.0
    for activation in activations:
        y = np.asarray(activation(np.linspace(low, high, _POINTS)), np.float64)
        first, last = needed(activation, low, high, TOLERANCE * float(np.ptp(y)) / STEPS)
        least, most = min(least, first), max(most, last)
    return most - least


def needed(activation: Activation, low: float, high: float, tolerance: float) -> tuple[float, float]:
    """The narrowest range within low <= 0 <= high such that f(x) moves by at most `tolerance` if x is clipped to it.

    Found on 4,097 points of the range. Zero stays inside.
    """
    x = np.linspace(low, high, _POINTS)
    y = np.asarray(activation(x), np.float64)
    from_below = _is_flat_until(y, tolerance) & (x <= 0.0)
    from_above = _is_flat_until(y[::-1], tolerance)[::-1] & (x >= 0.0)
    return float(x[from_below].max(initial=low)), float(x[from_above].min(initial=high))


def _is_flat_until(y: Floats, tolerance: float) -> npt.NDArray[np.bool_]:
    """Whether each value differs from all that come before it by `tolerance` at most."""
    return np.maximum(np.maximum.accumulate(y) - y, y - np.minimum.accumulate(y)) <= tolerance


def _saturated(
    placement: Placement,
    consumers: Mapping[str, Sequence[Node]],
    ranges: Mapping[str, tuple[float, float]],
    name: str,
) -> tuple[float, float]:
    low, high = ranges[name]
    readers = _activations_behind(placement.graph, consumers, name)
    if not readers or not all(reader in ranges for reader in readers):
        return low, high
    least, most = 0.0, 0.0
    for reader in readers:
        activation = placement.graph.layers[reader].activation
        assert activation is not None
        step = (ranges[reader][1] - ranges[reader][0]) / STEPS
        first, last = needed(activation, low, high, TOLERANCE * step)
        least, most = min(least, first), max(most, high if reader in placement.pacts else last)
    worth_it = (high - low) / STEPS
    return least if least - low >= worth_it else low, most if high - most >= worth_it else high


def _activations_behind(graph: Graph, consumers: Mapping[str, Sequence[Node]], layer: str) -> list[str]:
    """Names of the activations that alone read what any call of `layer` gives; none where something else does."""
    leaving = {ref.node for ref in graph.outputs}
    waiting = [node for node in graph.nodes if node.layer == layer]
    found: list[str] = []
    while waiting:
        node = waiting.pop()
        if node.name in leaving:
            return []
        for reader in consumers[node.name]:
            rule = rule_of(graph.layers[reader.layer])
            if rule is not None and rule.identity:
                waiting.append(reader)
            elif graph.layers[reader.layer].activation is None:
                return []
            else:
                found.append(reader.layer)
    return found
