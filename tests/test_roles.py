"""Train, calibration and test are disjoint, to the byte."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.config import export_config
from edgeswap.errors import DataError
from edgeswap.frameworks import keras
from edgeswap.progress import Silent
from edgeswap.roles import CALIBRATION_SAMPLES, assign
from edgeswap.source import open_source
from tests.models import digits


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
