"""What float models say, and the file that the device script reads."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.data.load import load
from edgeswap.data.preprocess import from_name
from edgeswap.errors import DataError
from edgeswap.evaluation.device_samples import CHUNK, write_evaluation
from edgeswap.evaluation.predictions import BATCH_SIZE, accuracy, model_inputs, predict, require_above_chance
from edgeswap.frameworks import keras
from edgeswap.progress import Silent
from edgeswap.records import Accuracy
from tests.models import digits

X, Y = digits("train")


def dataset(x=X, y=Y, **shapes):
    spec = x if y is None else (x, y)
    return load(spec, input_shapes=shapes or {"image": (8, 8, 1)}, classes=10)


def test_predictions_do_not_depend_on_batches():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    data = dataset()
    assert len(data) % BATCH_SIZE
    found = predict(model, data, from_name("unit"), title="t", progress=Silent())
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, np.asarray(model((X / 255).astype(np.float32))).argmax(axis=1))


def test_several_inputs_in_the_models_order():
    both = dataset({"second": X[:, 0, 0, 0] / 9.0, "first": X / 9.0}, None, first=(8, 8, 1), second=())
    first, second = model_inputs(both, from_name("none"), [3, 1], as_app=True)
    assert (first.shape, second.shape) == ((2, 8, 8, 1), (2,))
    assert first.dtype == second.dtype == np.float32


def test_symmetric_pixels_are_what_an_app_sends():
    (real,), (app,) = (model_inputs(dataset(), from_name("symmetric"), [0], as_app=flag) for flag in (False, True))
    assert np.abs(real - app).max() == pytest.approx(1 / 255, abs=1e-6)  # half a step, see preprocess


def test_accuracy():
    found = accuracy(np.array([1, 2, 3, 0]), np.array([1, 2, 3, 4]))
    assert (found.top1, found.samples) == (0.75, 4)
    assert found.ci95[0] < 0.75 < found.ci95[1]
    assert accuracy(np.zeros(7, np.int64), None) == Accuracy(top1=None, ci95=None, samples=7)


@pytest.mark.parametrize(
    ("right", "samples", "classes", "stops"),
    [(50, 500, 10, True), (60, 500, 10, True), (70, 500, 10, False), (300, 500, 2, False), (8, 10, 2, True)],
)
def test_chance(right, samples, classes, stops):
    found = accuracy(np.arange(samples) < right, np.ones(samples, bool))
    if stops:
        with pytest.raises(DataError, match=f"of {samples} test samples") as raised:
            require_above_chance(found, classes)
        assert ("more test samples" in raised.value.remedy) == (samples < 50)
    else:
        require_above_chance(found, classes)


def test_unlabelled_data_cannot_be_at_chance():
    require_above_chance(Accuracy(top1=None, ci95=None, samples=9), 10)


def test_pixels_stay_pixels_in_the_file(tmp_path):
    x, y = np.concatenate([X, X]), np.concatenate([Y, Y])
    assert len(x) > CHUNK
    assert write_evaluation(dataset(x, y), from_name("unit"), tmp_path / "e.npz") == "unit"
    with np.load(tmp_path / "e.npz") as arrays:
        assert set(arrays.files) == {"x", "y"}
        assert arrays["x"].dtype == np.uint8
        np.testing.assert_array_equal(arrays["x"], x)
        np.testing.assert_array_equal(arrays["y"], y)


def test_all_else_is_written_as_the_model_takes_it(tmp_path):
    data = dataset(X / np.float64(255), None)
    assert write_evaluation(data, from_name("none"), tmp_path / "e.npz") == "none"
    with np.load(tmp_path / "e.npz") as arrays:
        assert arrays.files == ["x"]
        assert arrays["x"].dtype == np.float32
        np.testing.assert_array_equal(arrays["x"], (X / np.float64(255)).astype(np.float32))


def test_several_inputs_by_name(tmp_path):
    both = dataset({"a": X / 9.0, "b": X[:, :, 0, 0] / 9.0}, Y, a=(8, 8, 1), b=(8,))
    write_evaluation(both, from_name("none"), tmp_path / "e.npz")
    with np.load(tmp_path / "e.npz") as arrays:
        assert {name: arrays[name].shape for name in arrays.files} == {"a": (240, 8, 8, 1), "b": (240, 8), "y": (240,)}
