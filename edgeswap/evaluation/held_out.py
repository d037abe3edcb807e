"""Whether a quantization keeps a budget, by samples that neither calibrated nor trained it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.evaluation.comparison import compare
from edgeswap.evaluation.device_scores import device_scores
from edgeswap.evaluation.expected_drop import expected_drop
from edgeswap.evaluation.scoring import Array, Scoring, quality
from edgeswap.records import Comparison, Unit
from edgeswap.targets.raw_outputs import RawOutput

# Without --max-drop. Half a point is what published int8 networks of the EfficientNet-Lite family lose (0.7 by Google),
# less what a user would notice; half a percent is the same of a metric that is no share. The error of outputs that
# nothing is decided by: 3 % is 30 dB, the noise of 256 steps on a range of which a sixth is used.
POINTS = 0.5
SHARE_OF_VALUE = 0.005
RELATIVE_ERROR_PERCENT = 3.0


@dataclass(frozen=True)
class Judged:
    """How a quantization stands to the budget; the fields as of `edgeswap.records.Rung`."""

    metric: str
    unit: Unit
    value: float | None
    drop: float
    drop_ci95: tuple[float, float] | None
    agreement: float | None
    samples: int
    samples_needed: int | None
    budget: float
    kept: bool


def judge_held_out(
    scoring: Scoring,
    baseline: Sequence[Array],
    candidate: Sequence[Array],
    *,
    dataset: Dataset,
    preprocess: Preprocess,
    max_drop: float | None,
) -> Judged:
    """Hold the outputs of a candidate against those of the float model on the held-out samples.

    Scores of classes are judged by `expected_drop`, with labels too: chance in single labels would take thousands of
    samples to rule out. Labels may object: if they show a drop above the budget, of more than a single sample, it is
    not kept. Without labels each flip is charged instead, see there. Any other metric is judged by its paired interval,
    and outputs without a metric by their relative error.

    Args:
        scoring: the task and its metrics.
        baseline: what the float model gives, (n, ...) for each output.
        candidate: what the other gives.
        dataset: the held-out samples, with labels as the task takes them.
        preprocess: from raw samples to the model's input.
        max_drop: the budget; None takes the default of what decides.
    """
    first, second = ([RawOutput("", array, 0.0, 0, False) for array in arrays] for arrays in (baseline, candidate))
    scores = device_scores(
        scoring, first, second, dataset=dataset, preprocess=preprocess, indices=np.arange(len(dataset))
    )
    found = compare(scoring, scores, baseline_size_bytes=1, candidate_size_bytes=1)
    of_float, of_candidate = quality(scoring, scores.baseline).value, quality(scoring, scores.candidate).value
    given = [output.head for output in scoring.model.outputs]
    flips = {} if found.drop is None else {"flip": 0.0}
    expected = expected_drop(scoring.heads, baseline, candidate, given, **flips)
    primary = scoring.primary
    by_right = primary is None or primary.of_right or found.drop is None
    labels: float | None = None
    metric, unit, drop, interval = found.metric, found.unit, found.drop, found.drop_ci95
    default = POINTS if unit == "share" else SHARE_OF_VALUE * abs(of_float or 0.0)
    if expected is not None and by_right:
        labels = found.drop
        metric, unit, default = "expected_drop", "share", POINTS
        drop, interval = expected
    elif drop is None:
        metric, unit, default, drop, interval = "relative_error", "share", RELATIVE_ERROR_PERCENT, _error(found), None
    budget = default if max_drop is None else max_drop
    low, high = interval or (drop, drop)
    objected = labels is not None and labels > max(budget, 100 / len(dataset))
    kept = high <= budget and not objected
    needed = None if kept or objected else _needed(len(dataset), drop, (low, high), budget)
    return Judged(
        metric, unit, of_candidate if primary is not None else None, drop, interval, found.agreement, len(dataset),
        needed, budget, kept,
    )  # fmt: skip


def _error(found: Comparison) -> float:
    """The error of the worst output in percent of its values, both as root mean square."""
    ratios = [output.snr_db for output in found.outputs if output.snr_db is not None]
    return 100 * 10 ** (-min(ratios) / 20) if ratios else 0.0


def _needed(samples: int, drop: float, interval: tuple[float, float], budget: float) -> int | None:
    """How many samples would bring the end of the interval to the budget, as its width goes by one over their root."""
    low, high = interval
    if low > budget or drop == budget:
        return None
    width = high - drop if drop < budget else drop - low
    return math.ceil(samples * (width / (budget - drop)) ** 2)
