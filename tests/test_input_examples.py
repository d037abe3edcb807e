"""Samples on their way into the int8 model, as the report tells them."""

import numpy as np
import pytest

from edgeswap.data.dataset import ArraySamples, Dataset
from edgeswap.data.preprocess import from_name
from edgeswap.evaluation import input_examples as module
from edgeswap.evaluation.input_examples import input_examples


def dataset(array):
    return Dataset("x", ArraySamples({"x": array}), np.arange(len(array)))


@pytest.mark.parametrize(("name", "real"), [("raw", 128.0), ("unit", 128 / 255), ("symmetric", 128 / 127.5 - 1)])
def test_a_pixel_of_middling_brightness_is_shown_before_and_after(name, real):
    images = np.zeros((5, 4, 6, 3), np.uint8)
    images[:, 1, 2] = (128, 7, 255)
    images[:, 3, 5] = 255
    found = input_examples(dataset(images), from_name(name), None)
    assert [one.index for one in found] == [0, 2, 4]
    assert {tuple(one.place) for one in found} == {(1, 2)}
    assert found[0].raw == [128.0, 7.0, 255.0]
    assert found[0].real[0] == pytest.approx(real, abs=1e-6)
    assert found[0].int8 is None


def test_other_inputs_are_told_by_their_first_values(monkeypatch):
    values = np.array([[1.0, -2.0, np.inf, 4.0, 5.0]], np.float32)
    (found,) = input_examples(dataset(values), from_name("none"), None)
    assert (found.place, found.raw, found.real) == ([], [1.0, -2.0, 0.0, 4.0], [1.0, -2.0, 0.0, 4.0])
    assert module.MOST_VALUES == 4
