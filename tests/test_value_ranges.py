"""Calibration in another scale than the test samples is told, and ordinary data are left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.data.dataset import Dataset
from edgeswap.data.load import load
from edgeswap.data.preprocess import from_name
from edgeswap.data.splits import DataSpecs, split
from edgeswap.data.value_ranges import other_scale
from edgeswap.records import Caution

RANDOM = np.random.default_rng(0)
PHOTOS = RANDOM.random((60, 4, 4, 3)).astype(np.float32)
SPARSE = PHOTOS * (RANDOM.random(PHOTOS.shape) < 0.03)


def found(used: np.ndarray, test: np.ndarray, preprocess: str = "none") -> Caution | None:
    def dataset(x: np.ndarray) -> Dataset:
        return load(x, input_shapes={"x": x.shape[1:]})

    return other_scale(dataset(used), dataset(test), from_name(preprocess), role="calibration")


@pytest.mark.parametrize(
    ("used", "test"),
    [
        (PHOTOS, PHOTOS * 255),
        (PHOTOS * 255, PHOTOS),
        (PHOTOS, PHOTOS * 2 - 1),
        (SPARSE, SPARSE * 255),
        (SPARSE * 255, SPARSE),
        ((PHOTOS * 255).astype(np.uint8), PHOTOS),  # taken as they are beside floats
    ],
)
def test_another_scale_is_told(used: np.ndarray, test: np.ndarray) -> None:
    caution = found(used, test)
    assert caution is not None
    assert caution.kind == "value_ranges"
    assert "different scales" in caution.problem


@pytest.mark.parametrize(
    ("used", "test"),
    [
        (PHOTOS, PHOTOS),
        (PHOTOS, PHOTOS * np.float32(0.5)),  # darker
        (PHOTOS[:10], SPARSE),
        (RANDOM.normal(size=(10, 30)), RANDOM.normal(size=(1000, 30))),
        (RANDOM.lognormal(sigma=3, size=(20, 5)), RANDOM.lognormal(sigma=3, size=(1000, 5))),
        (RANDOM.lognormal(sigma=3, size=(1000, 5)), RANDOM.lognormal(sigma=3, size=(20, 5))),
        (PHOTOS, np.zeros_like(PHOTOS)),
    ],
)
def test_one_scale_is_not(used: np.ndarray, test: np.ndarray) -> None:
    assert found(used, test) is None


def test_pixels_are_compared_as_the_model_takes_them() -> None:
    pixels = (PHOTOS * 255).astype(np.uint8)
    assert found(pixels, pixels.astype(np.float32), "unit") is None


def test_of_several_inputs_the_one_is_named() -> None:
    shapes = {"image": (4, 4, 3), "age": (1,)}
    ages = RANDOM.random((60, 1)) * 80
    used = load({"image": PHOTOS, "age": ages}, input_shapes=shapes)
    test = load({"image": PHOTOS, "age": ages * 365}, input_shapes=shapes)
    caution = other_scale(used, test, from_name("none"), role="calibration")
    assert caution is not None
    assert "for input 'age'" in caution.problem


@pytest.mark.parametrize("wrong", ["data", "calibration"])
def test_it_is_a_warning_of_the_splits(wrong: str) -> None:
    def photos() -> np.ndarray:
        return RANDOM.random((40, 4, 4, 3)).astype(np.float32)

    parts = {"data": photos(), "calibration": photos(), "test_data": photos()}
    parts[wrong] = parts[wrong] * 255
    splits = split(
        DataSpecs(**parts), input_shapes={"x": (4, 4, 3)}, classes=3, takes_raw_pixels=False, trains=True, seed=0
    )
    (caution,) = splits.cautions
    role = "training" if wrong == "data" else "calibration"
    assert caution.problem.startswith(f"The {role} samples from ndarray have values of ")
