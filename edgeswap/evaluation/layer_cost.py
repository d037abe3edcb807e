"""What int8 costs, layer by layer: each alone, and all but each, on the same samples and one traced function."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.evaluation.comparison import metric_drop
from edgeswap.evaluation.int8_causes import is_costly
from edgeswap.evaluation.scoring import Scores, Scoring, joined, score, take
from edgeswap.evaluation.tensor_use import TensorUse
from edgeswap.progress import Progress
from edgeswap.quantization.gated import Gate, GatedModel
from edgeswap.quantization.groups import Group
from edgeswap.records import Cost
from edgeswap.tasks.fidelity import Fidelity, snr_db

Floats = npt.NDArray[np.float32]
MOST_SAMPLES_AT_ONCE = 32
MOST_BYTES_AT_ONCE = 2**28  # of the values of all layers of one batch, in the float and in the fake-quant model


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples that layers are judged on: an array (N, ...) for each input, and labels as the task takes them."""

    inputs: Sequence[Floats]
    labels: Any

    def __len__(self) -> int:
        return len(self.inputs[0])


@dataclass(frozen=True, eq=False)
class GroupCost:
    """What one group costs; see `LayerCost`."""

    only: Cost
    all_but: Cost
    weights_db: float | None = None
    output_db: float | None = None


def gates_of(group: Group) -> list[Gate]:
    """The switches of a group."""
    weights: list[Gate] = [("weights", group.weights)] if group.weights else []
    output: list[Gate] = [("output", group.output)] if group.output else []
    return weights + output


def costs(
    gated: GatedModel, groups: Sequence[Group], samples: Samples, scoring: Scoring, *, progress: Progress
) -> tuple[Scores, Cost, dict[str, GroupCost]]:
    """What the float model scores; what all fake-quants cost; and each group by its name.

    The outputs of the float model are kept. A group with weights and a range that costs much has each measured alone,
    too: the cause is in one of them.
    """
    run = gated.runner()
    with progress.step("Run the float model"):
        wanted = _outputs(gated, run, samples, ())
        float_scores = _scores(scoring, wanted, samples)

    def cost(on: Collection[Gate]) -> Cost:
        got = _outputs(gated, run, samples, on)
        return Cost(snr_db=_worst_snr_db(wanted, got), drop=_drop(scoring, float_scores, got, samples))

    found: dict[str, GroupCost] = {}
    with progress.step("Quantize layer by layer", len(groups)) as step:
        whole = cost(gated.gates)
        for group in groups:
            own = gates_of(group)
            only, rest = cost(own), cost([gate for gate in gated.gates if gate not in own])
            alone: list[float | None] = [None, None]
            if len(own) == 2 and is_costly(only.snr_db):
                alone = [_worst_snr_db(wanted, _outputs(gated, run, samples, [gate])) for gate in own]
            found[group.name] = GroupCost(only, rest, *alone)
            step.advance(1)
    return float_scores, whole, found


def tensor_uses(
    gated: GatedModel, axes: Mapping[str, int], samples: Samples, *, progress: Progress
) -> dict[str, TensorUse]:
    """How each of these layers uses its range: name of the layer, with the axis of its channels, to what was seen."""
    size = 8 * sum(_values(gated, name) for name in axes)
    rows = min(MOST_SAMPLES_AT_ONCE, max(1, MOST_BYTES_AT_ONCE // max(size, 1)))
    run = gated.runner(list(axes))
    total = len(samples)
    uses = {name: TensorUse(axis, -(-total // rows)) for name, axis in axes.items()}
    with progress.step("Look at every layer", total) as step:
        for start in range(0, total, rows):
            batch = [array[start : start + rows] for array in samples.inputs]
            gated.switch(())
            wanted = run(batch)[1]
            gated.switch(gated.gates)
            got = run(batch)[1]
            for use, first, second in zip(uses.values(), wanted, got, strict=True):
                use.add(np.concatenate(first), np.concatenate(second))
            step.advance(len(batch[0]))
    return uses


def _values(gated: GatedModel, name: str) -> int:
    shapes = [output.shape[1:] for output in gated.outputs_of(name)]
    return sum(int(np.prod([size or 1 for size in shape])) for shape in shapes)


def _outputs(gated: GatedModel, run: Any, samples: Samples, on: Collection[Gate]) -> list[Floats]:
    gated.switch(on)
    starts = range(0, len(samples), MOST_SAMPLES_AT_ONCE)
    batches = [[array[start : start + MOST_SAMPLES_AT_ONCE] for array in samples.inputs] for start in starts]
    return [np.concatenate(parts) for parts in zip(*(run(batch)[0] for batch in batches), strict=True)]


def _worst_snr_db(wanted: Sequence[Floats], got: Sequence[Floats]) -> float | None:
    """Of the worst output; None where nothing differs."""
    ratios = [snr_db(Fidelity.of(first, second, None).energies) for first, second in zip(wanted, got, strict=True)]
    return min((ratio for ratio in ratios if math.isfinite(ratio)), default=None)


def _scores(scoring: Scoring, outputs: Sequence[Floats], samples: Samples) -> Scores:
    rows = np.arange(len(samples))
    return joined([score(scoring, outputs, scoring.decided(outputs), take(samples.labels, rows), samples.inputs)])


def _drop(scoring: Scoring, baseline: Scores, outputs: Sequence[Floats], samples: Samples) -> float | None:
    if not scoring.metrics or scoring.metrics[0].name not in baseline.parts:
        return None
    metric = scoring.metrics[0]
    return metric_drop(metric, baseline.parts[metric.name], _scores(scoring, outputs, samples).parts[metric.name])
