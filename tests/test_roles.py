"""Train, calibration and test are disjoint, to the byte."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import edgeswap as api
from edgeswap.config import export_config
from edgeswap.errors import DataError
from edgeswap.frameworks import keras
from edgeswap.progress import Silent
from edgeswap.roles import CALIBRATION_SAMPLES, assign
from edgeswap.source import open_source
from tests.models import classifier, digits, means


@pytest.fixture(scope="module")
def source():
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 1), name="image"), layers.Flatten(), layers.Dense(10)])
    return open_source(model, seed=0, progress=Silent())


def roles(source, **settings):
    return assign(export_config({"model": object(), "preprocess": "unit", **settings}), source)


def digests(dataset):
    return set(dataset.digests)


def test_a_fifth_is_set_aside(source):
    x, y = digits("train")
    found = roles(source, data=(x, y))
    assert (len(found.train), len(found.test)) == (192, 48)
    assert not digests(found.train) & digests(found.test)
    assert not digests(found.calibration) & digests(found.test)
    assert digests(found.calibration) <= digests(found.train)
    assert set(found.test.labels) == set(range(10))
    assert found.representative[0].shape == (192, 8, 8, 1)
    assert found.representative[0].max() <= 1
    assert found.record.preprocess == "unit"


def test_a_photograph_that_is_there_twice_never_serves_both_sides(source):
    x, y = digits("train")
    x, y = np.concatenate([x, x[:100]]), np.concatenate([y, y[:100]])
    found = roles(source, data=(x, y))
    assert not digests(found.train) & digests(found.test)
    assert len(found.train) + len(found.test) < 340


def test_calibration_data_lose_what_was_set_aside_of_the_same_data(source):
    x, y = digits("train")
    found = roles(source, data=(x, y), calibration=x[:100])
    assert not digests(found.calibration) & digests(found.test)
    assert 50 < len(found.calibration) < 100


def test_calibration_data_that_were_all_set_aside(source):
    x, y = digits("train")
    held = roles(source, data=(x, y)).test
    with pytest.raises(DataError, match="besides those that are set aside"):
        roles(source, data=(x, y), calibration=held.read(np.arange(len(held))))


def test_named_test_data_that_overlap_are_refused(source):
    x, y = digits("train")
    with pytest.raises(DataError, match="got 10 of 200 from tuple that are"):
        roles(source, data=(x[:200], y[:200]), test_data=(x[190:], y[190:]))
    with pytest.raises(DataError, match="not in the test split"):
        roles(source, data=(x[:200], y[:200]), test_data=(x[200:], y[200:]), calibration=x[200:])


def test_ptq_needs_no_training_data(source):
    x, y = digits("train")
    found = roles(source, calibration=x[:100], test_data=(x[100:], y[100:]), method="ptq")
    assert found.train is None
    assert found.record.train is None
    assert found.record.calibration.samples == 100


def test_many_samples_calibrate_by_some_of_each_class(source):
    found = roles(source, data="digits", test_data="digits/test")
    assert len(found.train) == 1257
    assert len(found.calibration) == CALIBRATION_SAMPLES
    assert np.bincount(found.calibration.labels).tolist() == [50] * 10


@pytest.mark.parametrize(("dtype", "expected"), [(np.float32, "none"), (np.float64, "none"), (bool, "none")])
def test_floats_are_what_the_model_takes(dtype, expected, source):
    x, y = digits("train")
    found = roles(source, data=((x / 16).astype(dtype), y), preprocess=None)
    assert found.preprocess.name == expected


def test_a_model_with_its_own_rescaling_takes_pixels():
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(10)])
    own = open_source(model, seed=0, progress=Silent())
    assert own.takes_raw_pixels
    assert roles(own, data=digits("train"), preprocess=None).preprocess.name == "raw"


def test_of_two_inputs_the_pixels_alone_have_the_range_of_pixels(tmp_path):
    x, y = digits("train")
    mean = means((x / 255).astype(np.float32))
    given = ({"image": x, "mean": mean}, y)
    model = classifier(keras, inputs=2)
    report = api.export(model, data=given, preprocess="unit", method="ptq", output=tmp_path / "out")
    assert report.comparison.top1_agreement > 0.9
    inputs = Interpreter(model_path=str(tmp_path / "out" / "model_int8.tflite")).get_input_details()
    scales = {detail["name"]: detail["quantization"][0] for detail in inputs}
    assert scales["image"] == np.float32(1 / 255)
    assert scales["mean"] == pytest.approx(mean.max() / 255, rel=0.2)  # what was observed is a part of all


def floats(pixel=None, blank=0, count=240):
    """Digits in 0..1 and their labels; with `pixel` in one corner of each, or so many of a single grey."""
    x, y = digits("train")
    images = (x / np.float32(255))[:count]
    if pixel is not None:
        images[:, 0, 0] = pixel
    images[:blank] = np.linspace(0, 1, blank, dtype=np.float32)[:, None, None, None]
    return images, y[:count]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (lambda: floats(np.nan), "got NaN or infinity, first in sample 0"),
        (lambda: floats(-np.inf), "got NaN or infinity, first in sample 0"),
        (lambda: (floats()[0][:, :7], floats()[1]), r"8, 8, 1\), as the model takes, got \(240, 7, 8, 1\)"),
        (lambda: (np.full((40, 8, 8, 1), "no"), np.arange(40) % 10), "got .*U2"),
        (lambda: floats(count=11), "at least 10 samples to calibrate on, got 9"),
        (lambda: floats(blank=200), "that are blank"),
        (lambda: (np.ones((40, 8, 8, 1), np.float32), np.arange(40) % 10), "besides those that are set aside"),
    ],
    ids=["nan", "infinity", "shape", "dtype", "few", "blank", "the same"],
)
def test_data_whose_ranges_would_mean_nothing_end_an_export_before_it_trains(data, problem, tmp_path):
    seen = []
    with pytest.raises(DataError, match=problem):
        api.export(small(), data=data(), output=tmp_path / "out", progress=Recorder(seen))
    assert not (tmp_path / "out").exists()
    assert not [title for title in seen if "rain" in title]


def test_calibration_samples_that_are_in_the_test_data_end_an_export_with_their_count(tmp_path):
    images, labels = floats()
    parts = {"test_data": (images[:100], labels[:100]), "calibration": images[80:]}
    with pytest.raises(DataError, match="not in the test split, got 20 of 160"):
        api.export(small(), method="ptq", output=tmp_path / "out", **parts)


def small():
    layers = keras.layers
    return keras.Sequential([keras.Input((8, 8, 1), name="image"), layers.Flatten(), layers.Dense(10)])


class Recorder(Silent):
    """A progress that notes the titles of the steps."""

    def __init__(self, seen):
        self.seen = seen

    def step(self, title, *arguments, **settings):
        self.seen.append(title)
        return super().step(title, *arguments, **settings)
