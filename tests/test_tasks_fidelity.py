"""Fidelity against the formulas over all samples at once, however they are cut into chunks."""

from __future__ import annotations

import functools
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.tasks.fidelity import Fidelity, snr_db


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_chunks_give_the_figures_of_the_whole(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = rng.normal(size=(20, 3, 2)).astype(np.float32)
    got = wanted + rng.normal(0.1, 0.2, size=wanted.shape).astype(np.float32)
    whole = functools.reduce(
        operator.add, (Fidelity.of(wanted[i : i + size], got[i : i + size], 0.05) for i in range(0, 20, size))
    )
    r, o = wanted.astype(float), got.astype(float)
    assert whole.snr_db == pytest.approx(10 * np.log10((r**2).sum() / ((r - o) ** 2).sum()))
    assert whole.cosine == pytest.approx((r * o).sum() / np.linalg.norm(r) / np.linalg.norm(o))
    assert whole.mean_steps == pytest.approx(np.abs(r - o).mean() / 0.05)
    assert whole.max_steps == pytest.approx(np.abs(r - o).max() / 0.05)
    assert whole.bias == pytest.approx((o - r).mean())
    noise = ((r - o) ** 2).sum(axis=(1, 2))
    assert whole.worst_sample == noise.argmax()
    assert whole.sample_ratios == pytest.approx(10 * np.log10((r**2).sum() / 20 / noise))
    assert (whole.values, whole.nonfinite) == (120, 0)


def test_a_shift_is_a_bias_in_the_unit_of_the_output() -> None:
    wanted = np.full((4, 2), 10.0)
    fidelity = Fidelity.of(wanted, wanted + 0.5, 0.25)
    assert (fidelity.bias, fidelity.mean_steps, fidelity.max_steps) == (0.5, 2.0, 2.0)
    assert fidelity.snr_db == pytest.approx(10 * np.log10(100 / 0.25))


def test_equal_outputs_have_no_ratio_and_no_worst_sample() -> None:
    ones = np.ones((3, 4))
    fidelity = Fidelity.of(ones, ones, None)
    assert (fidelity.snr_db, fidelity.worst_sample, fidelity.bias) == (None, None, 0.0)
    assert (fidelity.mean_steps, fidelity.max_steps) == (None, None)
    assert fidelity.cosine == pytest.approx(1.0)


def test_a_baseline_of_zeros_has_neither_ratio_nor_angle() -> None:
    fidelity = Fidelity.of(np.zeros((2, 2)), np.ones((2, 2)), 1.0)
    assert (fidelity.snr_db, fidelity.cosine, fidelity.mean_steps, fidelity.worst_sample) == (None, None, 1.0, 0)
    assert snr_db(fidelity.energies) == -np.inf
    assert np.isnan(snr_db(np.zeros((2, 2))))


def test_what_is_not_finite_is_left_out_counted_and_named() -> None:
    wanted = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    got = np.array([[1.5, 2.0], [3.0, np.nan], [np.inf, 6.0]])
    fidelity = Fidelity.of(wanted[:1], got[:1], 0.5) + Fidelity.of(wanted[1:], got[1:], 0.5)
    assert (fidelity.nonfinite, fidelity.values, fidelity.worst_sample) == (2, 4, 1)
    assert fidelity.bias == pytest.approx(0.5 / 4)
    assert fidelity.snr_db == pytest.approx(10 * np.log10((1 + 4 + 9 + 36) / 0.25))
    nothing = Fidelity.of(np.full((1, 2), np.nan), np.ones((1, 2)), 0.5)
    assert (nothing.snr_db, nothing.cosine, nothing.mean_steps, nothing.max_steps, nothing.bias) == (None,) * 5


def test_what_cannot_be_compared_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="one shape"):
        Fidelity.of(np.ones((2, 2)), np.ones((2, 1)), None)
    with pytest.raises(ValueError, match="a step above 0"):
        Fidelity.of(np.ones((2, 2)), np.ones((2, 2)), 0.0)
    with pytest.raises(ValueError, match="one step"):
        Fidelity.of(np.ones((2, 2)), np.ones((2, 2)), 1.0) + Fidelity.of(np.ones((2, 2)), np.ones((2, 2)), None)
