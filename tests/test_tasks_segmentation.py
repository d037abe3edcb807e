"""Segmentation against scikit-learn, ignored pixels, and the forms of masks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.errors import DataError
from edgeswap.tasks.segmentation import Segmentation, class_ious
from tests.signatures import signature

TASK = Segmentation()
MODEL = signature((5, 6, 4), "softmax")
YES_NO = signature((5, 6, 1), "sigmoid")


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_figures_are_those_of_scikit_learn_without_ignored_pixels(seed: int) -> None:
    from sklearn.metrics import accuracy_score, jaccard_score

    rng = np.random.default_rng(seed)
    scores = rng.random((7, 5, 6, 4))
    scores[..., 3] *= rng.integers(0, 2)  # class 3 is sometimes neither labelled nor said
    masks = np.where(rng.random((7, 5, 6)) < 0.5, scores.argmax(-1), rng.integers(0, 3, (7, 5, 6))).astype(np.uint8)
    masks[rng.random(masks.shape) < 0.2] = 255
    known = masks != 255
    wanted = {
        "miou": jaccard_score(masks[known], scores.argmax(-1)[known], average="macro"),
        "pixel_accuracy": accuracy_score(masks[known], scores.argmax(-1)[known]),
    }
    for order in (np.arange(7), rng.permutation(7)):
        chunks = [order[:3], order[3:]]
        for metric in TASK.metrics(MODEL):
            parts = np.concatenate([metric.parts([scores[rows]], masks[rows], []) for rows in chunks])
            assert metric.value(parts) == pytest.approx(wanted[metric.name])
            assert parts.shape == (7, 4, 3)


def test_yes_or_no_by_sigmoid_by_logit_and_as_classes() -> None:
    scores = np.float32([0.2, 0.6, 0.9, 0.4]).reshape(1, 2, 2, 1)
    masks = np.uint8([0, 1, 0, 0]).reshape(1, 2, 2)
    for head, given_outputs in (("sigmoid", scores), ("linear", scores - 0.5), ("sigmoid", scores[..., 0] > 0.5)):
        model = signature((2, 2, 1), head)  # type: ignore[arg-type]
        np.testing.assert_array_equal(TASK.decisions([given_outputs], model).reshape(-1), [0, 1, 1, 0])
        miou, accuracy = TASK.metrics(model)
        parts = miou.parts([given_outputs], masks, [])
        np.testing.assert_allclose(class_ious(parts), [2 / 3, 1 / 2])
        assert miou.value(parts) == pytest.approx(7 / 12)
        assert accuracy.value(parts) == 0.75


def test_where_all_is_ignored_there_is_no_value() -> None:
    for metric in TASK.metrics(MODEL):
        parts = metric.parts([np.zeros((1, 5, 6, 4))], np.full((1, 5, 6), 255, np.uint8), [])
        assert math.isnan(metric.value(parts))


MASKS = np.random.default_rng(0).integers(0, 4, (3, 5, 6))


@pytest.mark.parametrize(
    "given_labels", [MASKS, MASKS[..., None].astype(np.uint8), MASKS.astype(np.float32), np.eye(4, dtype=bool)[MASKS]]
)
def test_masks_in_each_form_become_class_numbers(given_labels: Any) -> None:
    labels = TASK.labels(given_labels, MODEL, 3, "masks")
    np.testing.assert_array_equal(labels, MASKS)
    assert labels.dtype == np.uint8
    assert TASK.targets(labels, MODEL) == {0: labels}


def test_255_is_ignored_but_of_two_classes_without_a_1_it_is_yes() -> None:
    masks = np.uint8([0, 255, 0, 0, 255, 0] * 5).reshape(1, 5, 6)
    np.testing.assert_array_equal(TASK.labels(masks, MODEL, 1, "m"), masks)
    labels = TASK.labels(masks, YES_NO, 1, "m")
    np.testing.assert_array_equal(labels, masks > 0)
    np.testing.assert_array_equal(TASK.targets(labels, YES_NO)[0], (masks > 0)[..., None])
    masks[0, 0, 0] = 1
    labels = TASK.labels(masks, YES_NO, 1, "m")
    np.testing.assert_array_equal(labels, masks)
    assert TASK.targets(labels, YES_NO) == {}  # the loss of a sigmoid leaves no pixel out


def test_with_256_classes_255_is_one_of_them() -> None:
    model = signature((2, 1, 300), "softmax")
    labels = TASK.labels(np.array([[[255], [299]]]), model, 1, "m")
    assert labels.tolist() == [[[255], [299]]]
    miou = TASK.metrics(model)[0]
    assert miou.value(miou.parts([np.eye(300)[labels]], labels, [])) == 1


@pytest.mark.parametrize("given_labels", [MASKS[:, :4], MASKS + 1, MASKS + 0.5, MASKS - 1, np.arange(3)])
def test_other_masks_are_rejected(given_labels: Any) -> None:
    with pytest.raises(DataError, match=r"a class from 0 to 3, or 255 where it does not count, for each of \(5, 6\)"):
        TASK.labels(given_labels, MODEL, 3, "masks")
