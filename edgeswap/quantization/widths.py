"""How narrow the int8 range of a tensor may be, beside the steps of what it is computed from.

A branch that is dead on the calibration samples, or never was alive, gives nothing but zeros: a range without a width.
XNNPACK refuses a whole model in which one step of an operator's input, times one of its weights, is 256 steps of its
output or more (seen with ai-edge-litert 2.3: "failed to create XNNPACK runtime"). A range at that limit loses nothing:
whatever is told apart below it is less than what rounding the input and the weight by half a step changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from edgeswap.graph.ir import Layer, Ref
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.specification import STEPS, WEIGHT_STEPS

# Below 256 by as much as a range may move when its zero point is rounded, and as training may move a weight.
MOST_STEPS = 200
# The converter widens what is narrower to this: its kNearZeroTolerance.
NARROWEST = 1e-6


def narrowest_ranges(placement: Placement, widths: Mapping[str, float]) -> dict[str, float]:
    """The least width, highest minus lowest value, that the output range of each layer may have.

    A width that has to grow makes the steps of what is computed from it greater, and these are followed.

    Args:
        placement: from `place`.
        widths: layer name to the width that its output range would have, for every output of the placement.
    """
    least = dict.fromkeys(widths, NARROWEST)
    entering: dict[str, float] = {}  # by node: the step of its output before it is rounded to int8
    for node in placement.graph.nodes:
        layer = placement.graph.layers[node.layer]
        steps = [_step(placement, widths, least, entering, ref) for ref in node.refs()]
        if not steps:
            continue
        if layer.class_name == "EdgeswapSumOfSquares":
            steps *= 2  # a product with itself
        multiplies = layer.class_name in ("Multiply", "EdgeswapSumOfSquares")
        together: Callable[[list[float]], float] = prod if multiplies else max
        entering[node.name] = _gain(placement, layer) * together(steps)
        if node.layer in widths:
            least[node.layer] = max(least[node.layer], STEPS * entering[node.name] / MOST_STEPS)
    return least


def _step(
    placement: Placement,
    widths: Mapping[str, float],
    least: Mapping[str, float],
    entering: Mapping[str, float],
    ref: Ref,
) -> float:
    """One step of a tensor; of one that has no range of its own, that of what it is computed from."""
    node = placement.graph.node(ref)
    if node.layer in widths:
        return max(widths[node.layer], least[node.layer]) / STEPS
    return entering.get(node.name, 0.0)


def _gain(placement: Placement, layer: Layer) -> float:
    """By how much one step of its weights, or what it multiplies with, makes a step of the input greater."""
    if layer.name in placement.weights and layer.weights:
        return float(np.abs(layer.weights[0]).max(initial=0.0)) / WEIGHT_STEPS
    if layer.class_name == "EdgeswapInverseRoot":
        return 0.0  # looked up in a table, whatever the steps are
    if layer.class_name == "BatchNormalization" and layer.weights:
        gamma = layer.weights[0] if layer.config["scale"] else np.ones(1, np.float32)
        return float(np.abs(gamma / np.sqrt(layer.weights[-1] + layer.config["epsilon"])).max(initial=0.0))
    return 1.0
