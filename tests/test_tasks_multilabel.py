"""Multi-label against scikit-learn, and what its labels may be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.errors import DataError
from edgeswap.tasks.multilabel import MultiLabel
from tests.signatures import signature

TASK = MultiLabel()
MODEL = signature((4,), "sigmoid")


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_figures_are_those_of_scikit_learn_in_any_order(seed: int) -> None:
    from sklearn.metrics import average_precision_score, f1_score

    rng = np.random.default_rng(seed)
    labels = np.concatenate([rng.integers(0, 2, (30, 4)), np.ones((1, 4), int)])
    scores = np.round(1 / (1 + np.exp(-rng.normal(size=labels.shape) - labels)), 1)  # with ties
    found = {m.name: m.value(m.parts([scores], labels, [])) for m in TASK.metrics(MODEL)}
    assert found == pytest.approx(
        {
            "map": average_precision_score(labels, scores, average="macro"),
            "micro_f1": f1_score(labels, scores > 0.5, average="micro"),
        }
    )
    order = rng.permutation(31)
    parts = {m.name: m.parts([scores[order]], labels[order], []) for m in TASK.metrics(MODEL)}
    assert {m.name: m.value(parts[m.name]) for m in TASK.metrics(MODEL)} == pytest.approx(found)


def test_classes_without_a_sample_do_not_count() -> None:
    precision, f1 = TASK.metrics(MODEL)
    labels = np.uint8([[1, 0, 0, 0], [0, 0, 0, 0]])
    scores = np.float32([[0.9, 0.1, 0.1, 0.1], [0.2, 0.1, 0.1, 0.1]])
    assert precision.value(precision.parts([scores], labels, [])) == 1
    assert math.isnan(precision.value(precision.parts([scores], labels * 0, [])))
    assert math.isnan(f1.value(f1.parts([scores * 0], labels * 0, [])))
    np.testing.assert_array_equal(TASK.decisions([scores], MODEL), [[1, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_labels_of_any_kind_become_0_and_1(kind: Any) -> None:
    given_labels = np.array([[1, 0, 1, 1], [0, 0, 0, 0]]).astype(kind)
    labels = TASK.labels(given_labels, MODEL, 2, "d.npz")
    np.testing.assert_array_equal(labels, given_labels)
    assert labels.dtype == np.uint8
    assert TASK.targets(labels, MODEL) == {0: labels}


@pytest.mark.parametrize("given_labels", [np.zeros((2, 3)), np.full((2, 4), 0.5), np.array([0, 1])])
def test_other_labels_are_rejected(given_labels: Any) -> None:
    with pytest.raises(DataError, match=r"0 and 1 of shape \(2, 4\) in d.npz, got"):
        TASK.labels(given_labels, MODEL, 2, "d.npz")
