"""ROC AUC and average precision against scikit-learn, with ties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.tasks.ranking import average_precision, roc_auc, roc_curve

SAMPLES = st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 1)), min_size=2, max_size=40)


@pytest.mark.slow
@settings(max_examples=50)
@given(SAMPLES)
def test_both_are_those_of_scikit_learn(samples: list[tuple[int, int]]) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores, labels = np.array(samples).T
    if 0 < labels.sum() < len(labels):
        assert roc_auc(scores / 7, labels) == pytest.approx(roc_auc_score(labels, scores / 7))
    else:
        assert math.isnan(roc_auc(scores, labels))
    if labels.any():
        assert average_precision(scores / 7, labels) == pytest.approx(average_precision_score(labels, scores / 7))
    else:
        assert math.isnan(average_precision(scores, labels))


@settings(max_examples=50)
@given(SAMPLES)
def test_the_order_of_samples_does_not_matter(samples: list[tuple[int, int]]) -> None:
    scores, labels = np.array(samples).T
    order = np.random.default_rng(len(samples)).permutation(len(samples))
    for figure in (roc_auc, average_precision):
        assert figure(scores, labels) == pytest.approx(figure(scores[order], labels[order]), nan_ok=True)


@settings(max_examples=50)
@given(SAMPLES)
def test_the_roc_curve_is_that_of_scikit_learn(samples: list[tuple[int, int]]) -> None:
    from sklearn.metrics import roc_curve as expected

    scores, labels = np.array(samples).T
    if 0 < labels.sum() < len(labels):
        false_positive, true_positive, _ = expected(labels, scores / 7, drop_intermediate=False)
        np.testing.assert_allclose(roc_curve(scores / 7, labels), np.stack([false_positive, true_positive], axis=1))
    else:
        assert roc_curve(scores, labels).shape == (0, 2)
