"""A model with one answer for everything says nothing, whatever int8 makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.evaluation.one_answer import one_answer

NAMES = ("cat", "dog", "elk")
MIXED = np.arange(100) % 3
MOSTLY_DOGS = np.where(np.arange(100) < 90, 1, MIXED)


@pytest.mark.parametrize(
    ("predictions", "labels", "problem"),
    [
        (np.ones(100, int), None, "gives class 'dog' for 100 of 100 test samples: any model"),
        (np.ones(100, int), MIXED, "gives class 'dog' for 100 of 100 test samples, and is right on 33.0%"),
        (np.where(np.arange(100) < 99, 1, 0), MIXED, "for 99 of 100 test samples"),
        (np.ones(100, int), MOSTLY_DOGS, "class 'dog' for 100 of 100 test samples, and is right on 93.0%"),
        (MIXED, MOSTLY_DOGS, "always gives class 'dog' would be right on 93.0%"),
        (MIXED, np.full(100, 2), "All 100 test samples are of class 'elk'"),
    ],
)
def test_it_is_told(predictions, labels, problem) -> None:
    caution = one_answer(predictions, labels, class_names=NAMES)
    assert caution is not None
    assert problem in caution.problem
    assert caution.kind == "one_answer"


@pytest.mark.parametrize(
    ("predictions", "labels"),
    [
        (MIXED, None),
        (MIXED, MIXED),
        (np.where(np.arange(100) < 97, MOSTLY_DOGS, 0), MOSTLY_DOGS),
        (np.zeros(10, int), None),  # too few to tell
    ],
)
def test_others_are_not(predictions, labels) -> None:
    assert one_answer(predictions, labels) is None


def test_classes_without_names_are_numbers() -> None:
    caution = one_answer(np.ones(50, int), None, name="model.tflite")
    assert caution is not None
    assert caution.problem.startswith("The model.tflite model gives class 1 for 50 of 50 test samples")
