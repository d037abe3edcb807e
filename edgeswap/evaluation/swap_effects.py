"""What a swap does on data, before any training: each activation's range before and after, and how far outputs move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.ir import Graph
from edgeswap.graph.layer_names import built_name
from edgeswap.records import SkippedActivation, SwappedActivation

Range = tuple[float, float]
BATCH_SIZE = 64


@dataclass(frozen=True)
class Effects:
    """What changed on the samples that were given.

    Attributes:
        ranges: activation layer to the lowest and highest value it gave before the swap, and after it.
        output_move_mean: mean absolute difference of the model's outputs.
        output_move_max: the largest one.
        top1_agreement: share of samples whose highest output stayed the same; None where an output is no class.
    """

    ranges: dict[str, tuple[Range, Range]]
    output_move_mean: float
    output_move_max: float
    top1_agreement: float | None


def effects(before: Graph, after: Graph, layers: Iterable[str], samples: Sequence[npt.NDArray[Any]]) -> Effects:
    """Run both graphs over `samples`.

    Args:
        before: canonical, as it was.
        after: the same with activations swapped.
        layers: names of the activation layers to report.
        samples: one float32 array (N, ...) for each model input, preprocessed.
    """
    names = list(layers)
    ranges_before, outputs_before = _run(before, names, samples)
    ranges_after, outputs_after = _run(after, names, samples)
    moves = [np.abs(one - other) for one, other in zip(outputs_before, outputs_after, strict=True)]
    classes = outputs_before[0].ndim == 2 and outputs_before[0].shape[1] > 1 and len(outputs_before) == 1
    agreement = np.mean(outputs_before[0].argmax(1) == outputs_after[0].argmax(1)) if classes else None
    return Effects(
        {name: (ranges_before[name], ranges_after[name]) for name in names},
        float(np.mean([move.mean() for move in moves])),
        float(np.max([move.max() for move in moves])),
        None if agreement is None else float(agreement),
    )


def _run(
    graph: Graph, names: Sequence[str], samples: Sequence[npt.NDArray[Any]]
) -> tuple[dict[str, Range], list[npt.NDArray[Any]]]:
    model = build(graph, tf_keras)
    calls = [(name, index) for name in names for index in range(len(model.get_layer(built_name(name)).inbound_nodes))]
    taps = [model.get_layer(built_name(name)).get_output_at(index) for name, index in calls]
    tapped = tf_keras.Model(model.inputs, [*model.outputs, *taps])
    lows, highs = np.full(len(taps), np.inf), np.full(len(taps), -np.inf)
    outputs: list[list[Any]] = []
    for start in range(0, len(samples[0]), BATCH_SIZE):
        batch = [array[start : start + BATCH_SIZE] for array in samples]
        given = [np.asarray(value) for value in tapped(batch, training=False)]
        outputs.append(given[: len(model.outputs)])
        lows = np.minimum(lows, [value.min() for value in given[len(model.outputs) :]])
        highs = np.maximum(highs, [value.max() for value in given[len(model.outputs) :]])
    ranges = {
        name: (
            float(min(low for (other, _), low in zip(calls, lows, strict=True) if other == name)),
            float(max(high for (other, _), high in zip(calls, highs, strict=True) if other == name)),
        )
        for name in names
    }
    return ranges, [np.concatenate(parts) for parts in zip(*outputs, strict=True)]


@dataclass(frozen=True, eq=False)
class SwapResult:
    """What came out of a swap.

    Attributes:
        model: of the framework it was given in, not compiled; weights, names and flags as before.
        swapped: each activation that was replaced.
        skipped: each that stays although a swap was asked for, with the reason.
        renamed: layers of nested models whose name was taken: new name to old.
        effects: what the swap does to ranges and outputs; None where no data were given.
    """

    model: Any
    swapped: tuple[SwappedActivation, ...]
    skipped: tuple[SkippedActivation, ...]
    renamed: dict[str, str]
    effects: Effects | None = None
