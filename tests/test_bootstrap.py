"""The bootstrap: against what is known of means, paired, seeded, and where a figure has no value."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from edgeswap.statistics import bootstrap_interval, paired_bootstrap
from edgeswap.tasks.metric import mean

RNG = np.random.default_rng(5)


def test_the_interval_of_a_mean_is_that_of_the_standard_error() -> None:
    parts = RNG.normal(3, 2, 4000)
    low, high = bootstrap_interval(parts, mean) or (0, 0)
    half = 1.96 * parts.std() / math.sqrt(4000)
    # 1,000 resamples place each end to about 4 % of the half width (1.3 standard errors of a 2.5 % quantile).
    assert (low, high) == pytest.approx((parts.mean() - half, parts.mean() + half), abs=half * 0.15)


def test_about_95_of_100_intervals_hold_the_true_mean() -> None:
    held = 0
    for seed in range(100):
        parts = np.random.default_rng(seed).exponential(1, 80)
        low, high = bootstrap_interval(parts, mean, seed=seed, resamples=200) or (0, 0)
        held += low <= 1 <= high
    assert 86 <= held <= 100  # of a skewed figure it is somewhat less than 95


def test_pairs_leave_out_what_both_samples_share() -> None:
    shared = RNG.normal(0, 10, 500)
    first, second = shared + 0.5, shared + RNG.normal(0, 0.1, 500)
    low, high = paired_bootstrap(first, second, mean) or (0, 0)
    assert 0.45 < low < 0.5 < high < 0.55
    assert paired_bootstrap(first, first, lambda p: float(np.std(p))) == (0.0, 0.0)


def test_the_seed_alone_decides_the_draws() -> None:
    parts = RNG.normal(size=(50, 3))

    def value(p: np.ndarray) -> float:
        return float(p.mean())

    assert bootstrap_interval(parts, value, seed=1) == bootstrap_interval(parts, value, seed=1)
    assert bootstrap_interval(parts, value, seed=1) != bootstrap_interval(parts, value, seed=2)


def test_resamples_without_a_value_are_left_out_and_too_many_leave_none() -> None:
    def mean_of_known(p: np.ndarray) -> float:
        return float(p.sum()) if p.any() else math.nan

    parts = np.zeros(50)
    parts[:10] = 1  # in 1 of 70,000 resamples none is drawn
    assert bootstrap_interval(parts, mean_of_known) is not None
    parts[1:10] = 0  # in 36 % of them
    assert bootstrap_interval(parts, mean_of_known) is None
    assert bootstrap_interval(parts, lambda _: math.inf) is None


def test_less_than_two_samples_have_no_interval() -> None:
    for parts in (np.zeros(0), np.zeros(1)):
        assert bootstrap_interval(parts, mean) is None
        assert paired_bootstrap(parts, parts, mean) is None


def test_two_numbers_of_samples_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="got 2 and 3"):
        paired_bootstrap(np.zeros(2), np.zeros(3), mean)


def test_ten_thousand_samples_take_a_second() -> None:
    parts = RNG.normal(size=10_000)
    begin = time.process_time()
    bootstrap_interval(parts, mean)
    assert time.process_time() - begin < 3  # 0.2 s on an idle machine
