"""A poor float model is asked whether the data were only read wrongly, before anybody is told that it knows nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeswap.data.load import Dataset, load
from edgeswap.data.preprocess import Preprocess, from_name
from edgeswap.errors import DataError
from edgeswap.evaluation.alternatives import Alternative, Ask, better_alternative
from edgeswap.evaluation.chance import poor_float_model, require_above_chance
from tests.image_data import encoded, write_folder
from tests.test_report import quality

SHAPES = {"x": (4, 4, 3)}


def levels(count: int = 120) -> Dataset:
    """Four classes of images by how bright they are."""
    labels = np.arange(count) % 4
    x = np.broadcast_to((32 + 64 * labels)[:, None, None, None], (count, 4, 4, 3)).astype(np.uint8)
    return load((x, labels), input_shapes=SHAPES, classes=4)


def trained_with(name: str) -> Ask:
    """A model that tells the levels apart where pixels reach it as they did in its training."""
    edges = from_name(name)(np.full((1, 1, 1, 3), 64, np.uint8) * np.arange(1, 4, dtype=np.uint8)[:, None, None, None])

    def said(data: Dataset, preprocess: Preprocess) -> np.ndarray:
        inputs = preprocess(data.read(np.arange(len(data))))
        return np.digitize(inputs.mean(axis=(1, 2, 3)), edges.mean(axis=(1, 2, 3)))

    return said


def better(test: Dataset, preprocess: str, ask: Ask) -> tuple[Alternative | None, np.ndarray]:
    predictions = ask(test, from_name(preprocess))
    found = quality(int((predictions == test.labels).sum()), len(test))
    return better_alternative(test, from_name(preprocess), predictions, found, ask=ask, seed=0), predictions


@pytest.mark.parametrize(
    ("trained", "given"), [("symmetric", "raw"), ("raw", "unit"), ("unit", "raw"), ("torch", "raw")]
)
def test_another_preprocess_is_named(trained: str, given: str) -> None:
    test = levels()
    found, predictions = better(test, given, trained_with(trained))
    assert found is not None
    assert str(found) == f"with --preprocess {trained} the float32 model is right on 100.0% of 120 of these samples"
    with pytest.raises(DataError, match=r"chance is 25.0%") as raised:
        require_above_chance(quality(int((predictions == test.labels).sum()), len(test)), 4, found)
    assert f"--preprocess {trained}" in raised.value.remedy
    assert trained in poor_float_model(quality(int((predictions == test.labels).sum()), len(test)), found).problem


@pytest.mark.parametrize(("trained", "given"), [("none", "unit"), ("unit", "none"), ("symmetric", "raw")])
def test_floats_of_0_to_255_are_pixels_too(trained: str, given: str) -> None:
    whole = levels()
    test = load((whole.read(np.arange(120)).astype(np.float32), whole.labels), input_shapes=SHAPES, classes=4)
    found, _ = better(test, given, trained_with(trained))
    assert found is not None
    assert found.how == f"--preprocess {trained}"


def test_floats_of_0_to_1_for_a_model_of_pixels_are_to_be_multiplied() -> None:
    whole = levels()
    scaled = whole.read(np.arange(120)) / np.float32(255)
    found, _ = better(load((scaled, whole.labels), input_shapes=SHAPES, classes=4), "none", trained_with("raw"))
    assert found is not None
    assert found.how == "samples multiplied by 255"


def test_floats_that_are_no_pixels_have_no_other_preprocess() -> None:
    whole = levels()
    below = whole.read(np.arange(120)).astype(np.float32) - 500
    assert better(load((below, whole.labels), input_shapes=SHAPES, classes=4), "none", trained_with("raw"))[0] is None


def test_a_good_model_is_not_asked_again() -> None:
    assert better(levels(), "unit", trained_with("unit"))[0] is None


def test_a_model_that_knows_nothing_gets_no_advice() -> None:
    random = np.random.default_rng(0)
    assert better(levels(), "unit", lambda data, _: random.integers(0, 4, len(data)))[0] is None


def test_another_order_of_the_classes_is_named(tmp_path: Path) -> None:
    names = ["cat", "dog", "elk", "fox"]
    files = {
        f"{names[at % 4]}/{at}.png": encoded(np.full((4, 4, 3), 32 + 64 * ((at + 1) % 4), np.uint8))
        for at in range(160)
    }
    test = load(write_folder(tmp_path / "p", files), input_shapes=SHAPES, classes=4)
    found, _ = better(test, "unit", trained_with("unit"))
    assert found is not None
    assert found.how == "the classes in the order fox, cat, dog, elk (--labels FILE)"
    assert found.top1 == 1.0
    numbers = replace(levels(), labels=(np.arange(120) + 1) % 4)
    found, _ = better(numbers, "unit", trained_with("unit"))
    assert found is not None
    assert found.how == "the labels numbered in the order 1, 2, 3, 0"


def test_another_way_to_resize_is_named(tmp_path: Path) -> None:
    """Which of two grains a cloth has shows where single pixels are taken, not where they are averaged."""
    random, files = np.random.default_rng(0), {}
    for at in range(120):
        spread = (90, 8)[at % 2]
        grain = np.clip(128 + random.normal(0, spread, (64, 64, 1)), 0, 255).astype(np.uint8)
        files[f"{'ab'[at % 2]}/{at}.png"] = encoded(grain.repeat(3, axis=2))
    test = load(write_folder(tmp_path / "p", files), input_shapes=SHAPES, classes=2)

    def by_spread(data: Dataset, preprocess: Preprocess) -> np.ndarray:
        return (preprocess(data.read(np.arange(len(data)))).std(axis=(1, 2, 3)) < 25).astype(np.int64)

    found, _ = better(test, "raw", by_spread)
    assert found is not None
    assert found.how == "--resize keras"
