"""Intervals and tests: exact ones for shares of right samples, the bootstrap for any other figure of samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # shares need no NumPy
    import numpy.typing as npt

Z95 = 1.959963984540054  # the standard normal's 97.5 % quantile
MOST_COUNTED = 1000  # discordant pairs; of more, whole numbers of that many bits take longer than SciPy
MOST_WITHOUT_VALUE = 0.1  # share of the resamples; where more have none, the rest says little of all


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
    share = successes / n
    center = (2 * n * share + Z95**2) / (2 * (n + Z95**2))
    half = Z95 / (2 * (n + Z95**2)) * math.sqrt(4 * n * share * (1 - share) + Z95**2)
    return (0.0 if successes == 0 else center - half), (1.0 if successes == n else center + half)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value that two classifiers are right equally often.

    Args:
        only_first: samples on which only the first is right.
        only_second: samples on which only the second is right.

    Source: McNemar, Psychometrika 12, 1947, 153-157; exact form as in Fagerland, Lydersen and Laake, BMC Medical
    Research Methodology 13:91, 2013: the binomial test that the discordant pairs are split in halves.

    Raises:
        ValueError: a count is negative.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"Expected counts from 0, got {only_first} and {only_second}.")
    if only_first == only_second:
        return 1.0
    few, all_ = min(only_first, only_second), only_first + only_second
    if all_ <= MOST_COUNTED:
        return min(1.0, float(2 * sum(math.comb(all_, number) for number in range(few + 1))) / float(2**all_))
    from scipy.special import bdtr  # noqa: PLC0415  (takes a while to import)

    return min(1.0, 2 * float(bdtr(few, all_, 0.5)))


def paired_difference_interval(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of the first's accuracy minus the second's, on the same `n` samples.

    Source: Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design, Statistics in Medicine 17, 1998, 891-908. The limits are found by bisection of the score, which falls
    with the difference.

    This interval decides what can be chance. It inverts McNemar's asymptotic test: it excludes 0 exactly if that test
    is significant at 5 %. Fagerland, Lydersen and Laake (2013) recommend that test over the exact conditional one,
    which stays far below its level and so calls too many differences chance.

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


def bootstrap_interval(
    parts: npt.NDArray[Any], value: Callable[[npt.NDArray[Any]], float], *, seed: int = 0, resamples: int = 1000
) -> tuple[float, float] | None:
    """The 95 % percentile interval of a figure over samples that are drawn again with replacement.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13.

    Args:
        parts: (n, ...), what each sample gives to the figure.
        value: the parts of some samples, in any order and with repeats, to the figure.
        seed: of the draws; the same one draws the same samples for any parts of as many samples.
        resamples: how often n samples are drawn.

    Returns:
        Its two ends; None for less than two samples, or where more than a tenth of the resamples have no finite value.
    """
    return _percentiles([value(parts[rows]) for rows in _drawn(len(parts), seed, resamples)], len(parts))


def paired_bootstrap(
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    value: Callable[[npt.NDArray[Any]], float],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[float, float] | None:
    """The 95 % percentile interval of the first's figure minus the second's, on the same samples.

    As `bootstrap_interval`, with the samples of each resample drawn for both alike.

    Raises:
        ValueError: the two have not as many samples.
    """
    if len(first) != len(second):
        raise ValueError(f"Expected parts of the same samples, got {len(first)} and {len(second)}.")
    found = [value(first[rows]) - value(second[rows]) for rows in _drawn(len(first), seed, resamples)]
    return _percentiles(found, len(first))


def _drawn(n: int, seed: int, resamples: int) -> Iterator[npt.NDArray[Any]]:
    import numpy as np  # noqa: PLC0415  (see above)

    rng = np.random.default_rng(seed)
    return (rng.integers(n, size=n) for _ in range(resamples if n > 1 else 0))


def _percentiles(values: list[float], n: int) -> tuple[float, float] | None:
    known = [value for value in values if math.isfinite(value)]
    if n < 2 or not known or len(known) < (1 - MOST_WITHOUT_VALUE) * len(values):
        return None
    import numpy as np  # noqa: PLC0415  (see above)

    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _bisect(still: Callable[[float], bool], low: float, high: float) -> float:
    """Where `still`, true at `low` and false at `high`, changes."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if still(middle) else (low, middle)
    return (low + high) / 2
