"""Each layer of a placed model as a record: what int8 costs there, what of its range is used, and why it costs much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeswap.evaluation.int8_causes import Evidence, cause
from edgeswap.evaluation.int8_grid import MOST_LAYERS, weights_on_grid
from edgeswap.evaluation.layer_cost import GroupCost, Samples, costs, tensor_uses
from edgeswap.evaluation.scoring import Scores, Scoring
from edgeswap.evaluation.tensor_use import TensorUse, spread
from edgeswap.progress import Progress
from edgeswap.quantization.gated import gated
from edgeswap.quantization.groups import Group, groups
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.ranges import Ends
from edgeswap.quantization.saturation import needed_by_readers
from edgeswap.quantization.specification import Policy, rule_of
from edgeswap.records import Cost, LayerCost, LayerOnGrid, RangeUse

Floats = npt.NDArray[np.float64]
_CALIBRATED = ("observed", "narrowed")


@dataclass(frozen=True, eq=False)
class Analysis:
    """What int8 costs.

    Attributes:
        scores: of the float model on the analysed samples.
        all: what every fake-quant together costs.
        layers: the one that costs most alone first.
        on_grid: of the first of them, how values and weights lie on the int8 grid.
    """

    scores: Scores
    all: Cost
    layers: tuple[LayerCost, ...]
    on_grid: tuple[LayerOnGrid, ...]


def analyze_layers(
    placement: Placement,
    ranges: Mapping[str, Ends],
    samples: Samples,
    scoring: Scoring,
    *,
    policy: Policy,
    progress: Progress,
) -> Analysis:
    """What int8 costs in each layer of `placement`, the worst first.

    Args:
        placement: from `place`.
        ranges: from `resolve`.
        samples: that layers are judged on.
        scoring: the task, whose metric drops.
        policy: by which the ranges were resolved.
        progress: told of every layer.

    Raises:
        ModelError: a layer with fake-quant is given a mask.
    """
    with progress.step("Insert fake-quants"):
        model, found = gated(placement, ranges), groups(placement)
    axes = {group.output: _channel_axis(placement, group.output) for group in found if group.output}
    uses = tensor_uses(model, axes, samples, progress=progress)
    scores, whole, spent = costs(model, found, samples, scoring, progress=progress)
    told = [
        _layer(placement, ranges, group, spent[group.name], use=uses.get(group.output or ""), policy=policy)
        for group in found
    ]
    worst = sorted(told, key=lambda one: float("inf") if one.only.snr_db is None else one.only.snr_db)
    by_name = {group.name: group for group in found}
    shown = [_on_grid(placement, ranges, by_name[one.layer], one, uses) for one in worst[:MOST_LAYERS]]
    return Analysis(scores, whole, tuple(worst), tuple(shown))


def _on_grid(
    placement: Placement, ranges: Mapping[str, Ends], group: Group, cost: LayerCost, uses: Mapping[str, TensorUse]
) -> LayerOnGrid:
    ends = ranges[group.output] if group.output else None
    use = uses.get(group.output or "")
    weights = None
    if group.weights is not None:
        kernel, weight = placement.graph.layers[group.weights].weights[0], placement.weights[group.weights][0]
        weights = weights_on_grid(kernel, weight.channel_axes)
    return LayerOnGrid(
        layer=group.name,
        snr_db=cost.only.snr_db,
        weights_layer=group.weights,
        weights=weights,
        values=None if use is None or ends is None else use.on_grid(ends.low.value, ends.high.value),
    )


def _layer(
    placement: Placement,
    ranges: Mapping[str, Ends],
    group: Group,
    cost: GroupCost,
    *,
    use: TensorUse | None,
    policy: Policy,
) -> LayerCost:
    ends = ranges[group.output] if group.output else None
    range_use = None if use is None or ends is None else use.range_use(ends.low.value, ends.high.value)
    weights, is_shared = _weights(placement, group)
    needed = None
    if group.output and use is not None:
        low, high = use.extremes
        needed = needed_by_readers(placement, group.output, float(low.min()), float(high.max()))
    evidence = Evidence(
        group.name,
        cost.only.snr_db,
        cost.weights_db,
        cost.output_db,
        group.is_input,
        is_dense=group.weights is not None and placement.graph.layers[group.weights].class_name == "Dense",
        activation=_unbounded_activation(placement, group),
        fixed=_is_fixed(placement, group, policy),
        clipped=0.0 if range_use is None or ends is None else _clipped(range_use, ends),
        use=range_use,
        widths=None if use is None else use.widths,
        rms=None if use is None else use.rms,
        weights=spread(weights) if is_shared and weights is not None else None,
        concat=_concat_inputs(placement, group, use),
        needed=needed,
    )
    return LayerCost(
        layer=group.name,
        output_layer=group.name if group.is_input else group.output,
        is_input=group.is_input,
        only=cost.only,
        all_but=cost.all_but,
        weights_only_db=cost.weights_db,
        output_only_db=cost.output_db,
        own_snr_db=None if use is None else use.snr_db,
        range=range_use,
        channels=None if use is None else spread(use.widths),
        weights=None if weights is None else spread(weights),
        cause=cause(evidence),
    )


def _unbounded_activation(placement: Placement, group: Group) -> str | None:
    """Name of the activation that gives the output, if a swap for one with a ceiling would bound it."""
    if group.output is None or group.is_input:
        return None
    activation = placement.graph.layers[group.output].activation
    leaving = {placement.graph.node(ref).layer for ref in placement.graph.outputs}
    if activation is None or activation.kind == "linear" or group.output in leaving:
        return None
    return group.output if activation.bounds[1] is None else None


def _is_fixed(placement: Placement, group: Group, policy: Policy) -> bool:
    """Whether the range is that of a bound which the user could have left: of an input, or by `--ranges fixed`."""
    if group.output is None:
        return False
    if group.is_input:
        return placement.outputs[group.output].fixed
    return policy == "fixed" and group.output not in placement.prescribed


def _clipped(use: RangeUse, ends: Ends) -> float:
    """How far values reach beyond an end that calibration set, as a share of the range."""
    below = use.low - use.observed_low if ends.low.how in _CALIBRATED else 0.0
    above = use.observed_high - use.high if ends.high.how in _CALIBRATED else 0.0
    return max(below, above, 0.0) / (use.high - use.low)


def _weights(placement: Placement, group: Group) -> tuple[Floats | None, bool]:
    """Range of the weights of each output channel, and whether all channels share one scale."""
    if group.weights is None:
        return None, False
    layer, weight = placement.graph.layers[group.weights], placement.weights[group.weights][0]
    kernel = np.abs(layer.weights[0].astype(np.float64))
    rule = rule_of(layer, per_channel_dense=True)
    axes = weight.channel_axes or (() if rule is None else rule.weights[0].channel_axes)
    others = tuple(axis for axis in range(kernel.ndim) if axis not in axes)
    return kernel.max(axis=others).reshape(-1), not weight.channel_axes


def _concat_inputs(placement: Placement, group: Group, use: TensorUse | None) -> Sequence[tuple[str, float]]:
    """Name and range of each input of a concat, from the ranges of its channels; empty for other layers."""
    layer = placement.graph.layers[group.output or group.name]
    if layer.class_name != "Concatenate" or use is None:
        return ()
    (node, *others) = placement.graph.calls(layer.name)
    shapes = [placement.graph.shape(ref) for ref in node.refs()]
    sizes = [None if shape is None else shape[layer.config["axis"]] for shape in shapes]
    if others or any(size is None for size in sizes):
        return ()
    ends = np.cumsum([size or 0 for size in sizes])
    low, high = use.extremes
    parts = zip(np.split(low, ends[:-1]), np.split(high, ends[:-1]), strict=True)
    names = [placement.graph.node(ref).layer.removesuffix("_rescaled") for ref in node.refs()]
    return [(name, float(highs.max() - lows.min())) for name, (lows, highs) in zip(names, parts, strict=True)]


def _channel_axis(placement: Placement, name: str) -> int:
    layer = placement.graph.layers[name]
    if layer.class_name == "Concatenate":
        return int(layer.config["axis"])
    return 1 if layer.config.get("data_format") == "channels_first" else -1
