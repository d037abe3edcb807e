"""Regression against scikit-learn, and what its labels may be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.errors import DataError
from edgeswap.tasks.regression import MOST_FOR_R2, Regression
from tests.signatures import signature

TASK = Regression()


def scored(outputs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    model = signature(outputs.shape[1:])
    return {m.name: m.value(m.parts([outputs], labels, [])) for m in TASK.metrics(model)}


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_figures_are_those_of_scikit_learn_in_any_order(seed: int, values: int) -> None:
    from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

    rng = np.random.default_rng(seed)
    wanted = rng.normal(5, 2, size=(30, values)).astype(np.float32)
    got = wanted + rng.normal(0.1, 1, size=wanted.shape).astype(np.float32)
    found = scored(got, wanted)
    assert found["mae"] == pytest.approx(mean_absolute_error(wanted, got), rel=1e-6)
    assert found["rmse"] == pytest.approx(math.sqrt(mean_squared_error(wanted, got)), rel=1e-6)
    # One less a share of about one: near 0 only the error of the share is left, that of sums of float32.
    assert found["r2"] == pytest.approx(r2_score(wanted, got), rel=1e-6, abs=1e-6)
    order = rng.permutation(30)
    assert scored(got[order], wanted[order]) == pytest.approx(found)


def test_the_error_of_a_map_is_a_value_a_sample_and_has_no_r2() -> None:
    wanted = np.zeros((2, 64, 64, 1), np.float32)
    got = wanted + np.float32([1, 3])[:, None, None, None]
    assert scored(got, wanted) == {"mae": 2.0, "rmse": pytest.approx(math.sqrt(5))}
    assert MOST_FOR_R2 < 64 * 64
    metric = TASK.metrics(signature((64, 64, 1)))[0]
    assert (metric.name, metric.unit, metric.higher_is_better) == ("mae", "label", False)
    np.testing.assert_array_equal(metric.parts([got], wanted, []), [1, 3])


def test_labels_that_are_all_equal_have_no_r2() -> None:
    assert math.isnan(scored(np.float32([[1], [2]]), np.float32([[3], [3]]))["r2"])


@pytest.mark.parametrize("given_labels", [np.arange(3), np.arange(3.0)[:, None], {"out": np.arange(3, dtype=np.uint8)}])
def test_labels_in_each_form_become_the_shape_of_the_output(given_labels: object) -> None:
    labels = TASK.labels(given_labels, signature((1,)), 3, "d.npz")
    np.testing.assert_array_equal(labels, np.float32([[0], [1], [2]]))
    assert labels.dtype == np.float32


@pytest.mark.parametrize(
    ("given_labels", "message"),
    [
        (np.zeros((3, 2)), r"shape \(3, 1\) in d.npz, got \(3, 2\)"),
        (np.zeros(2), "labels of 3 samples"),
        (np.array(["a", "b", "c"]), "got <U1"),
        (np.array([0, 1, np.nan]), "got 1 that are NaN"),
        ({"other": np.zeros(3)}, "output 'out' in d.npz, got some of 'other'"),
    ],
)
def test_other_labels_are_rejected(given_labels: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TASK.labels(given_labels, signature((1,)), 3, "d.npz")
