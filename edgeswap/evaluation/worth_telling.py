"""From where a drop is large, and below which there is nothing to act on, for metrics of every unit.

With many samples any difference is more than chance; whether it matters is another question. 2 points fewer samples
that are right are a loss that users of a classifier notice; of shares every significant drop is told.

Errors have no scale of their own, so they are judged by ratio, and decibels are such ratios: 1 dB more of error (12 %)
is large, as a PSNR lower by 1 dB is visible and rarely made good by training. 0.1 dB (1.2 %) is less than an error
differs from one training of a network to the next. The same parts hold for scores without bounds.
"""

from __future__ import annotations

from edgeswap.records import Comparison, Quality

LARGE_POINTS = 2.0
LARGE_DB, SMALL_DB = 1.0, 0.1


def large_from(comparison: Comparison, baseline: Quality | None) -> float:
    """The drop above which it is large, in the unit of `Comparison.drop`.

    Args:
        comparison: of the candidate with the baseline.
        baseline: of the float32 model; a part of its value where the metric is neither a share nor in dB.
    """
    return LARGE_POINTS if comparison.unit == "share" else _as_drop(LARGE_DB, comparison, baseline)


def small_below(comparison: Comparison, baseline: Quality | None) -> float:
    """The drop below which there is nothing to act on, whether it is chance or not; 0 for shares. As above."""
    return 0.0 if comparison.unit == "share" else _as_drop(SMALL_DB, comparison, baseline)


def _as_drop(decibels: float, comparison: Comparison, baseline: Quality | None) -> float:
    if comparison.unit == "dB":
        return decibels
    return 0.0 if baseline is None or baseline.value is None else (10 ** (decibels / 20) - 1) * abs(baseline.value)
