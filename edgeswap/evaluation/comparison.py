"""int8 against float32 on the same samples: the drop by the task's metric, its interval, and a paired test."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgeswap.evaluation.device_scores import DeviceScores
from edgeswap.evaluation.scoring import Array, Scores, Scoring
from edgeswap.evaluation.task_details import task_details
from edgeswap.records import Comparison
from edgeswap.statistics import mcnemar_exact, paired_bootstrap, paired_difference_interval
from edgeswap.tasks.metric import Metric
from edgeswap.tasks.own_metric import SNR


def compare(
    scoring: Scoring,
    found: DeviceScores,
    *,
    baseline_size_bytes: int,
    candidate_size_bytes: int,
    control: Scores | None = None,
    class_names: Sequence[str] | None = None,
) -> Comparison:
    """Compare the int8 candidate with the float32 baseline.

    Args:
        scoring: the metrics.
        found: of both models, on the same samples.
        baseline_size_bytes: of the float32 file.
        candidate_size_bytes: of the int8 file.
        control: of the float model that was trained on as long as the int8 one, for the same samples.
        class_names: in the order of the model's outputs; None where unknown.

    Raises:
        ValueError: there are no samples, or not the same number of them.
    """
    baseline, candidate = found.baseline, found.candidate
    lengths = {scores.samples for scores in (baseline, candidate, control) if scores is not None}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"Expected scores of one number of samples above 0, got {sorted(lengths)}.")
    primary = scoring.primary
    details = task_details(scoring, baseline, candidate, class_names=class_names)._asdict()
    size_ratio = baseline_size_bytes / candidate_size_bytes
    if primary is None or primary.name not in baseline.parts:
        return Comparison(
            metric=SNR if primary is None else primary.name,
            unit="dB" if primary is None else primary.unit,
            drop=None,
            drop_ci95=None,
            agreement=found.agreement,
            size_ratio=size_ratio,
            outputs=list(found.outputs),
            worst_samples=list(found.worst),
            flipped=list(found.flipped),
            **details,
        )
    first, second = baseline.parts[primary.name], candidate.parts[primary.name]
    drop = metric_drop(primary, first, second)
    discordant = _discordant(first, second) if primary.of_right else (0, 0)
    return Comparison(
        metric=primary.name,
        unit=primary.unit,
        drop=drop,
        drop_ci95=None if drop is None else _interval(primary, first, second),
        agreement=found.agreement,
        mcnemar_p=mcnemar_exact(*discordant) if primary.of_right else None,
        size_ratio=size_ratio,
        control_drop=None if control is None else metric_drop(primary, control.parts[primary.name], second),
        outputs=list(found.outputs),
        worst_samples=list(found.worst),
        flipped=list(found.flipped),
        lost=discordant[0] if primary.of_right else None,
        gained=discordant[1] if primary.of_right else None,
        **details,
    )


def _told(metric: Metric, difference: float) -> float:
    """From a difference of values to what the report calls a drop: percentage points of shares, positive is worse."""
    worse = difference if metric.higher_is_better else -difference
    # What rounding leaves of two equal shares, 1e-16, would tell an interval from 0.
    return (round(100 * worse, 9) if metric.unit == "share" else worse) + 0.0


def metric_drop(metric: Metric, first: Array, second: Array) -> float | None:
    """How much worse the parts of a candidate (`second`) are than those of the baseline; None where that is not known.

    In percentage points of a share, else in the metric's unit; positive is worse.
    """
    if metric.of_right:
        lost, gained = _discordant(first, second)
        return 100 * (lost - gained) / len(first)
    difference = _told(metric, metric.value(first) - metric.value(second))
    return difference if math.isfinite(difference) else None


def _interval(metric: Metric, first: Array, second: Array) -> tuple[float, float] | None:
    if metric.of_right:
        low, high = paired_difference_interval(*_discordant(first, second), len(first))
        return 100 * low, 100 * high
    found = paired_bootstrap(first, second, metric.value)
    if found is None:
        return None
    low, high = sorted(_told(metric, end) for end in found)
    return low, high


def _discordant(first: Array, second: Array) -> tuple[int, int]:
    return int(np.count_nonzero(first & ~second)), int(np.count_nonzero(~first & second))
