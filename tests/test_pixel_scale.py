"""Floats of 0..1 are not divided by 255 once more: the run stops and says what to pass."""

from __future__ import annotations

import numpy as np
import pytest

import edgeswap as api
from edgeswap.data.dataset import Dataset
from edgeswap.data.load import load
from edgeswap.data.pixel_scale import CHUNK, require_pixel_scale
from edgeswap.data.preprocess import from_name
from edgeswap.data.splits import DataSpecs, split
from edgeswap.errors import DataError
from tests.test_measure import EXPECTED, PIXELS, SHAPE, WEIGHTS
from tests.tiny_tflite import classifier

RANDOM = np.random.default_rng(0)
UNIT = RANDOM.random((CHUNK + 20, 4, 4, 3)).astype(np.float32)
MAPPINGS = ["raw", "unit", "symmetric", "caffe", "torch", "mean-std:0.5,0.5,0.5/0.2,0.2,0.2"]


def dataset(x: np.ndarray) -> Dataset:
    return load(x, input_shapes={"x": x.shape[1:]})


@pytest.mark.parametrize("name", MAPPINGS)
def test_floats_of_0_to_1_are_refused_with_both_ranges(name: str) -> None:
    with pytest.raises(DataError, match=r"Expected pixels 0\.\.255 .* got floats of .* to 1 from ndarray") as raised:
        require_pixel_scale(dataset(UNIT), from_name(name))
    first = "Pass --preprocess none" if name == "unit" else "Multiply them by 255"
    assert raised.value.remedy.startswith(first)
    assert "--preprocess none" in raised.value.remedy
    assert "255" in raised.value.remedy


@pytest.mark.parametrize(
    "x",
    [
        UNIT * 255,
        (UNIT * 255).astype(np.uint8),
        (UNIT > 0.5).astype(np.uint8),  # black and white
        np.zeros_like(UNIT),
        np.concatenate([UNIT, UNIT[:1] * 255]),  # dark, but for the last
    ],
)
def test_pixels_are_not(x: np.ndarray) -> None:
    require_pixel_scale(dataset(x), from_name("unit"))


@pytest.mark.parametrize("name", ["none", "tests.test_pixel_scale:dataset"])
def test_nor_are_values_that_are_not_mapped_as_pixels(name: str) -> None:
    require_pixel_scale(dataset(UNIT), from_name(name))


def test_of_several_inputs_only_those_that_are_mapped() -> None:
    shapes = {"image": (4, 4, 3), "age": (1,)}
    ages = RANDOM.random((len(UNIT), 1)).astype(np.float32)
    pixels = (UNIT * 255).astype(np.uint8)
    require_pixel_scale(load({"image": pixels, "age": ages}, input_shapes=shapes), from_name("unit"))
    both = load({"image": pixels.astype(np.float32), "age": ages}, input_shapes=shapes)
    with pytest.raises(DataError, match=r"for input 'age'") as raised:
        require_pixel_scale(both, from_name("unit"))
    assert "as uint8" in raised.value.remedy


@pytest.mark.parametrize("wrong", ["data", "test_data", "calibration"])
def test_every_part_of_an_export_is_held_to_it_before_training(wrong: str) -> None:
    parts = {name: RANDOM.random((40, 4, 4, 3)) * 255 for name in ("data", "test_data", "calibration")}
    parts[wrong] = parts[wrong] / 255
    with pytest.raises(DataError, match="which are scaled already"):
        split(
            DataSpecs(**parts, preprocess="unit"),
            input_shapes={"x": (4, 4, 3)},
            classes=3,
            takes_raw_pixels=False,
            trains=True,
            seed=0,
        )


@pytest.mark.slow
def test_a_bench_is_held_to_it(place) -> None:
    classifier(place / "float.tflite", WEIGHTS, SHAPE)
    classifier(place / "int8.tflite", WEIGHTS, SHAPE, scale=1 / 255)
    unit = (PIXELS / np.float32(255)).astype(np.float32)
    with pytest.raises(DataError, match="which are scaled already"):
        api.bench("float.tflite", "int8.tflite", data=(unit, EXPECTED), preprocess="unit", quick=True)
    report = api.bench("float.tflite", "int8.tflite", data=(unit, EXPECTED), preprocess="none", quick=True)
    assert report.float32.quality.value == 1.0
