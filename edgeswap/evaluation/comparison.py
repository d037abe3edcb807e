"""int8 against float32 on the same samples: intervals, a paired test, and the limits that the user set."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.errors import ConfigError
from edgeswap.records import Comparison, Limit

Z95 = 1.959963984540054  # the standard normal's 97.5 % quantile

Classes = npt.NDArray[np.integer[Any]]


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion; (0, 1) where there is no sample.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927, 209-212.

    Raises:
        ValueError: not 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"Expected 0 <= successes <= n, got {successes} of {n}.")
    if n == 0:
        return 0.0, 1.0
    share, square = successes / n, Z95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n**2))
    return (0.0 if successes == 0 else middle - half), (1.0 if successes == n else middle + half)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value that two classifiers are right equally often.

    Args:
        only_first: samples on which only the first is right.
        only_second: samples on which only the second is right.

    Twice the smaller tail of Binomial(only_first + only_second, 1/2), at most 1; in whole numbers, so exact.
    Source: McNemar, Psychometrika 12, 1947, 153-157; exact form as in Fagerland, Lydersen and Laake, BMC Medical
    Research Methodology 13:91, 2013.

    Raises:
        ValueError: a count is negative.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"Expected counts from 0, got {only_first} and {only_second}.")
    n, term, tail = only_first + only_second, 1, 0
    for k in range(min(only_first, only_second) + 1):
        tail += term
        term = term * (n - k) // (k + 1)
    return min(1.0, (2 * tail) / (1 << n))


def paired_difference_interval(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of the first's accuracy minus the second's, on the same `n` samples.

    Source: Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design, Statistics in Medicine 17, 1998, 891-908. The limits are found by bisection of the score, which falls
    with the difference.

    Raises:
        ValueError: the counts are negative or more than `n`.
    """
    if min(only_first, only_second) < 0 or only_first + only_second > n:
        raise ValueError(f"Expected counts within 0 and {n}, got {only_first} and {only_second}.")
    if n == 0:
        return -1.0, 1.0
    estimate = (only_first - only_second) / n

    def score(difference: float) -> float:
        b = (2 * n - only_first + only_second) * difference - only_first - only_second
        c = -only_second * difference * (1 - difference)
        likeliest = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
        variance = n * (2 * likeliest + difference * (1 - difference))
        return (only_first - only_second - n * difference) / math.sqrt(variance) if variance > 0 else math.inf

    low = -1.0 if only_second == n else _bisect(lambda d: score(d) > Z95, -1.0, estimate)
    high = 1.0 if only_first == n else _bisect(lambda d: score(d) > -Z95, estimate, 1.0)
    return low, high


def _bisect(still: Callable[[float], bool], low: float, high: float) -> float:
    """Where `still`, true at `low` and false at `high`, changes."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if still(middle) else (low, middle)
    return (low + high) / 2


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
