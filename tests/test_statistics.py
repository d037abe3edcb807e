from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.statistics import Z95, mcnemar_exact, paired_difference_interval, wilson_interval


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int]:
    n = draw(st.integers(1, 3000))
    only_first = draw(st.integers(0, n))
    return only_first, draw(st.integers(0, n - only_first)), n


# --- Wilson -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17, 1998, 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_of_the_published_examples(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_ends_where_the_score_test_does(case: tuple[int, int]) -> None:
    successes, n = case
    share = successes / n
    for end in wilson_interval(successes, n):
        assert 0 <= end <= 1
        if 0 < end < 1:
            assert abs(share - end) / math.sqrt(end * (1 - end) / n) == pytest.approx(Z95)


def test_wilson_refuses_what_is_no_count() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(3, 2)


# --- McNemar ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    # Bentur et al. 2009 and Cavo et al. 2012, as in Fagerland, Lydersen and Laake, Statistical Analysis of
    # Contingency Tables, 2017, chapter 8; then by hand: 2 (1 + 5) / 2^5 and one pair alone.
    [(1, 7, 0.0703125), (6, 16, 0.052479), (1, 4, 0.375), (0, 1, 1.0), (0, 0, 1.0), (0, 6, 0.03125)],
)
def test_mcnemar_of_the_published_examples(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar_exact(only_first, only_second) == pytest.approx(p, abs=5e-7)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_tail(only_first: int, only_second: int) -> None:
    n, k = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    assert mcnemar_exact(only_first, only_second) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar_exact(only_first, only_second) == mcnemar_exact(only_second, only_first)


def test_mcnemar_of_many_pairs_stays_exact() -> None:
    # The normal limit with continuity correction: z = (|b - c| - 1) / sqrt(b + c), good to three digits here.
    p = mcnemar_exact(4900, 5100)
    assert p == pytest.approx(math.erfc(199 / math.sqrt(10000) / math.sqrt(2)), rel=2e-3)
    assert mcnemar_exact(0, 5000) == 0.0


# --- the paired difference --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only_first", "only_second", "n", "low", "high"),
    # The same two tables, Tango's interval, as in the book's chapter 8.
    [(1, 7, 21, -0.517, -0.026), (6, 16, 161, -0.1240, -0.0054)],
)
def test_tango_of_the_published_examples(only_first: int, only_second: int, n: int, low: float, high: float) -> None:
    digits = 5e-4 if n == 21 else 5e-5
    assert paired_difference_interval(only_first, only_second, n) == pytest.approx((low, high), abs=digits)


def test_tango_without_discordant_pairs() -> None:
    # The score is -n d / sqrt(n d (1 - d)) then, so the limit is z^2 / (n + z^2).
    end = Z95**2 / (540 + Z95**2)
    assert paired_difference_interval(0, 0, 540) == pytest.approx((-end, end))


@given(tables())
def test_tango_is_symmetric_and_holds_the_estimate(table: tuple[int, int, int]) -> None:
    only_first, only_second, n = table
    low, high = paired_difference_interval(only_first, only_second, n)
    assert -1 <= low <= (only_first - only_second) / n <= high <= 1
    assert paired_difference_interval(only_second, only_first, n) == pytest.approx((-high, -low), abs=1e-9)


@given(tables())
def test_tango_excludes_zero_where_the_mcnemar_score_is_significant(table: tuple[int, int, int]) -> None:
    only_first, only_second, n = table
    low, high = paired_difference_interval(only_first, only_second, n)
    score = abs(only_first - only_second) / math.sqrt(max(only_first + only_second, 1))
    if abs(score - Z95) > 1e-6:
        assert (low <= 0 <= high) == (score < Z95)


@pytest.mark.slow
def test_tango_covers_as_often_as_it_says() -> None:
    # 2,000 tables with a true difference of 0.02: 95 % of the intervals hold it, give or take 4 standard errors.
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(540, [0.03, 0.01, 0.96], 2000)
    held = [low <= 0.02 <= high for low, high in (paired_difference_interval(b, c, 540) for b, c, _ in drawn.tolist())]
    assert np.mean(held) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 2000))
