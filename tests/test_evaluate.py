"""What float models say, and the file that the device script reads."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.data.load import load
from edgeswap.data.preprocess import from_name
from edgeswap.errors import DataError
from edgeswap.evaluation.chance import require_above_chance
from edgeswap.evaluation.device_samples import CHUNK, write_evaluation
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.predictions import BATCH_SIZE, predict
from edgeswap.evaluation.scoring import Scoring
from edgeswap.frameworks import keras
from edgeswap.progress import Silent
from edgeswap.records import Quality
from edgeswap.statistics import wilson_interval
from edgeswap.tasks.classification import Classification
from edgeswap.tasks.outputs import ModelOutput, Signature
from tests.models import digits

X, Y = digits("train")
MODEL = Signature({"image": (8, 8, 1)}, (ModelOutput("scores", (10,), "softmax"),))
SCORING = Scoring(Classification(), MODEL, Classification().metrics(MODEL))


def top1(right, samples):
    """The quality of a classifier that is right on so many samples; None without labels."""
    value, interval = (None, None) if right is None else (right / samples, wilson_interval(right, samples))
    return Quality(
        task="classification",
        metric="top1",
        value=value,
        ci95=interval,
        unit="share",
        higher_is_better=True,
        samples=samples,
    )


def dataset(x=X, y=Y, **shapes):
    spec = x if y is None else (x, y)
    return load(spec, input_shapes=shapes or {"image": (8, 8, 1)}, classes=10)


def test_predictions_do_not_depend_on_batches():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    data = dataset()
    assert len(data) % BATCH_SIZE
    found = predict(model, data, from_name("unit"), SCORING, title="t", progress=Silent())
    assert found.decisions.dtype == np.int64
    np.testing.assert_array_equal(found.decisions, np.asarray(model((X / 255).astype(np.float32))).argmax(axis=1))


def test_several_inputs_in_the_models_order():
    both = dataset({"second": X[:, 0, 0, 0] / 9.0, "first": X / 9.0}, None, first=(8, 8, 1), second=())
    first, second = model_inputs(both, from_name("none"), [3, 1], as_app=True)
    assert (first.shape, second.shape) == ((2, 8, 8, 1), (2,))
    assert first.dtype == second.dtype == np.float32


def test_symmetric_pixels_are_what_an_app_sends():
    (real,), (app,) = (model_inputs(dataset(), from_name("symmetric"), [0], as_app=flag) for flag in (False, True))
    assert np.abs(real - app).max() == pytest.approx(1 / 255, abs=1e-6)  # half a step, see preprocess


@pytest.mark.parametrize(
    ("right", "samples", "classes", "stops"),
    [(50, 500, 10, True), (60, 500, 10, True), (70, 500, 10, False), (300, 500, 2, False), (8, 10, 2, True)],
)
def test_chance(right, samples, classes, stops):
    found = top1(right, samples)
    if stops:
        with pytest.raises(DataError, match=f"of {samples} test samples") as raised:
            require_above_chance(found, classes)
        assert ("more test samples" in raised.value.remedy) == (samples < 50)
    else:
        require_above_chance(found, classes)


def test_unlabelled_data_cannot_be_at_chance():
    require_above_chance(top1(None, 9), 10)


def test_a_regressor_has_no_chance():
    require_above_chance(top1(1, 100), None)
    require_above_chance(top1(1, 100).model_copy(update={"metric": "mae"}), 10)


def test_pixels_stay_pixels_in_the_file(tmp_path):
    x, y = np.concatenate([X, X]), np.concatenate([Y, Y])
    assert len(x) > CHUNK
    assert write_evaluation(dataset(x, y), from_name("unit"), tmp_path / "e.npz") == "unit"
    with np.load(tmp_path / "e.npz") as arrays:
        assert arrays.files == ["x"]  # labels stay where outputs are scored
        assert arrays["x"].dtype == np.uint8
        np.testing.assert_array_equal(arrays["x"], x)


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
        assert {name: arrays[name].shape for name in arrays.files} == {"a": (240, 8, 8, 1), "b": (240, 8)}
