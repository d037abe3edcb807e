"""Binary classification against scikit-learn, by probability and by logit, and what its labels may be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.errors import DataError
from edgeswap.tasks.binary import Binary
from tests.signatures import signature

TASK = Binary()
SIGMOID, LOGIT = signature((1,), "sigmoid"), signature((1,))


@pytest.mark.slow
@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_figures_are_those_of_scikit_learn_by_probability_and_by_logit(seed: int) -> None:
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

    rng = np.random.default_rng(seed)
    labels = np.append(rng.integers(0, 2, 40), [0, 1])
    logits = (rng.normal(size=42) + labels - 0.3)[:, None]
    order = rng.permutation(42)
    for model, given_outputs in ((LOGIT, logits), (SIGMOID, 1 / (1 + np.exp(-logits)))):
        found = {m.name: m.value(m.parts([given_outputs], labels, [])) for m in TASK.metrics(model)}
        yes = logits[:, 0] > 0
        np.testing.assert_array_equal(TASK.decisions([given_outputs], model), yes)
        assert found == pytest.approx(
            {
                "accuracy": accuracy_score(labels, yes),
                "auc": roc_auc_score(labels, logits[:, 0]),
                "f1": f1_score(labels, yes),
            }
        )
        mixed = {m.name: m.value(m.parts([given_outputs[order]], labels[order], [])) for m in TASK.metrics(model)}
        assert mixed == pytest.approx(found)


def test_without_yes_there_is_no_f1() -> None:
    f1 = TASK.metrics(LOGIT)[2]
    assert math.isnan(f1.value(f1.parts([np.float32([[-1], [-2]])], np.int64([0, 0]), [])))


@pytest.mark.parametrize(
    "given_labels",
    [np.array([0, 1, 1]), np.array([False, True, True]), np.float32([[0], [1], [1]]), np.eye(2)[[0, 1, 1]]],
)
def test_labels_in_each_form_become_0_and_1(given_labels: object) -> None:
    labels = TASK.labels(given_labels, SIGMOID, 3, "d.npz")
    np.testing.assert_array_equal(labels, [0, 1, 1])
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(TASK.targets(labels, SIGMOID)[0], np.float32([[0], [1], [1]]))


@pytest.mark.parametrize(
    ("given_labels", "message"),
    [
        (np.array([0, 1, 2]), "0 and 1, one for each of 3 samples, in d.npz, got values from 0 to 2"),
        (np.array([0, 0.5, 1]), "got values from 0.0 to 1.0"),
        (np.zeros((3, 4)), r"got shape \(3, 4\)"),
        (np.zeros(4, int), "labels of 3 samples"),
    ],
)
def test_other_labels_are_rejected(given_labels: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TASK.labels(given_labels, SIGMOID, 3, "d.npz")
