"""Classification against scikit-learn, and what its labels may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.errors import DataError
from edgeswap.tasks.classification import Classification
from tests.signatures import signature

TASK = Classification()
MODEL = signature((12,), "softmax")


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_figures_are_those_of_scikit_learn_in_any_order(seed: int) -> None:
    from sklearn.metrics import accuracy_score, f1_score, top_k_accuracy_score

    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 12, 40)
    scores = rng.random((40, 12)) + 0.5 * np.eye(12)[labels]
    said = scores.argmax(axis=1)
    wanted = {
        "top1": accuracy_score(labels, said),
        "macro_f1": f1_score(labels, said, average="macro"),
        "top5": top_k_accuracy_score(labels, scores, k=5, labels=np.arange(12)),
    }
    for order in (np.arange(40), rng.permutation(40)):
        found = {m.name: m.value(m.parts([scores[order]], labels[order], [])) for m in TASK.metrics(MODEL)}
        assert found == pytest.approx(wanted)


def test_top_5_counts_from_ten_classes_on_and_takes_the_first_of_equal_outputs() -> None:
    assert [m.name for m in TASK.metrics(signature((9,), "softmax"))] == ["top1", "macro_f1"]
    top5 = TASK.metrics(MODEL)[2]
    np.testing.assert_array_equal(top5.parts([np.zeros((12, 12))], np.arange(12), []), [True] * 5 + [False] * 7)


@pytest.mark.parametrize(
    "given_labels",
    [
        np.arange(12),
        np.arange(12, dtype=np.uint8)[:, None],
        np.eye(12),
        np.eye(12, dtype=bool),
        np.arange(12.0),
        np.arange(12, dtype=np.float32)[:, None],
    ],
)
def test_labels_in_each_form_become_class_numbers(given_labels: Any) -> None:
    labels = TASK.labels(given_labels, MODEL, 12, "d.npz")
    np.testing.assert_array_equal(labels, np.arange(12))
    assert labels.dtype == np.int64


@pytest.mark.parametrize(
    ("given_labels", "message"),
    [
        (np.arange(12) + 1, "labels from 0 to 11 in d.npz, got 1 to 12"),
        (np.arange(12) / 2, "a class number for each sample in d.npz, got float64 values such as 0.5"),
        (np.eye(12)[:, :5], r"a class number .* got float64 values of shape \(5,\)"),
        (np.eye(13)[:12], "one-hot labels of 12 classes in d.npz, got rows of 13"),
        (np.arange(12) - 1, "labels from 0 to 11 in d.npz, got -1 to 10"),
        (np.full((12, 2), 0.5), r"a class number .* of shape \(2,\)"),
        (np.arange(11), "labels of 12 samples"),
    ],
)
def test_other_labels_are_rejected(given_labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TASK.labels(given_labels, MODEL, 12, "d.npz")
