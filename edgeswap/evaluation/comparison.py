"""int8 against float32 on the same samples: intervals, a paired test, and the limits that the user set."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.errors import ConfigError
from edgeswap.records import Comparison, Limit
from edgeswap.statistics import mcnemar_exact, paired_difference_interval

Classes = npt.NDArray[np.integer[Any]]


def compare(
    labels: Classes | None,
    baseline_predictions: Classes,
    candidate_predictions: Classes,
    *,
    baseline_size_bytes: int,
    candidate_size_bytes: int,
    control_predictions: Classes | None = None,
) -> Comparison:
    """Compare the int8 candidate with the float32 baseline.

    Args:
        labels: (samples,) true classes; None where there are none.
        baseline_predictions: (samples,) classes that the float32 model gave.
        candidate_predictions: (samples,) classes that the int8 model gave for the same samples.
        baseline_size_bytes: of the float32 file.
        candidate_size_bytes: of the int8 file.
        control_predictions: (samples,) classes of the float model that was trained on as long as the int8 one.

    Raises:
        ValueError: the arrays are empty or of different lengths.
    """
    given = [labels, baseline_predictions, candidate_predictions, control_predictions]
    lengths = {len(array) for array in given if array is not None}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"Expected arrays of one length above 0, got {sorted(lengths)}.")
    agreement = float(np.mean(baseline_predictions == candidate_predictions))
    size_ratio = baseline_size_bytes / candidate_size_bytes
    if labels is None:
        return Comparison(
            top1_drop=None,
            top1_drop_ci95=None,
            top1_agreement=agreement,
            mcnemar_p=None,
            size_ratio=size_ratio,
        )
    lost, gained = _discordant(labels, baseline_predictions, candidate_predictions)
    n = len(labels)
    low, high = paired_difference_interval(lost, gained, n)
    control_drop = None
    if control_predictions is not None:
        control_lost, control_gained = _discordant(labels, control_predictions, candidate_predictions)
        control_drop = 100 * (control_lost - control_gained) / n
    return Comparison(
        top1_drop=100 * (lost - gained) / n,
        top1_drop_ci95=(100 * low, 100 * high),
        top1_agreement=agreement,
        mcnemar_p=mcnemar_exact(lost, gained),
        size_ratio=size_ratio,
        control_drop=control_drop,
    )


def _discordant(labels: Classes, first: Classes, second: Classes) -> tuple[int, int]:
    right_first, right_second = first == labels, second == labels
    return int(np.count_nonzero(right_first & ~right_second)), int(np.count_nonzero(~right_first & right_second))


def judge(
    comparison: Comparison,
    *,
    candidate_size_bytes: int,
    candidate_latency_ms: float | None,
    max_drop: float | None = None,
    max_latency_ms: float | None = None,
    max_size: float | None = None,
) -> list[Limit]:
    """How the candidate stands to the limits that were set; a value equal to its limit passes.

    Args:
        comparison: gives what `max_drop` is held against: top1_drop in percentage points, or without labels the
            share of samples on which the models differ, in percent.
        candidate_size_bytes: of the int8 file.
        candidate_latency_ms: p50 of the int8 model on the first target; None where the target measures no time.
        max_drop: percentage points.
        max_latency_ms: milliseconds.
        max_size: bytes.

    Raises:
        ConfigError: `max_latency_ms` with a target that measures no time.
    """
    if max_latency_ms is not None and candidate_latency_ms is None:
        raise ConfigError(
            "Expected a first target that measures time for --max-latency-ms, it measures none.",
            "Name host or a board as the first --target.",
        )
    drop = comparison.top1_drop
    if drop is None:
        drop = 100 * (1 - comparison.top1_agreement)
    held: list[tuple[Literal["max_drop", "max_latency_ms", "max_size"], float | None, float | None]] = [
        ("max_drop", max_drop, drop),
        ("max_latency_ms", max_latency_ms, candidate_latency_ms),
        ("max_size", max_size, candidate_size_bytes),
    ]
    return [
        Limit(name=name, limit=limit, value=value, passed=value <= limit)
        for name, limit, value in held
        if limit is not None and value is not None
    ]
