"""`--method auto`: a network that PTQ ruins comes back without labels, and one that it serves stays with it."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap
from edgeswap.config.export import export_config
from edgeswap.data.load import load
from edgeswap.errors import ConfigError
from edgeswap.frameworks import keras

SHAPES = {"image": (8, 8, 1)}


def digits(part):
    data = load(part, input_shapes=SHAPES, classes=10)
    return data.read(np.arange(len(data))), data.classes


def network(outlier):
    """Two random layers of swish and a head by least squares; one channel of the first is `outlier` times too large."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input(SHAPES["image"], name="image")
    first = layers.Conv2D(16, 3, activation="swish", name="first", bias_initializer="random_normal")
    second = layers.Conv2D(24, 3, activation="swish", name="second", bias_initializer="random_normal")
    flat = layers.Flatten()(second(first(image)))
    head = layers.Dense(10, activation="softmax", name="head")
    model = keras.Model(image, head(flat))
    kernel, bias = first.get_weights()
    kernel *= 3
    kernel[..., 0] = outlier * np.abs(kernel[..., 0])  # bright where the image is
    first.set_weights([kernel, bias])
    kernel, bias = second.get_weights()
    kernel[:, :, 0] *= 0.1 / outlier
    second.set_weights([kernel, bias])
    x, y = digits("digits")
    features = keras.Model(image, flat).predict(x.astype(np.float32) / 255, verbose=0)
    features = np.append(features, np.ones((len(features), 1), np.float32), axis=1)
    ridge = 1e-2 * len(features) * np.square(features).mean() * np.eye(features.shape[1])
    weights = np.linalg.solve(features.T @ features + ridge, features.T @ (20 * np.eye(10)[y]))
    head.set_weights([weights[:-1].astype(np.float32), weights[-1].astype(np.float32)])
    return model


def exported(model, method, **settings):
    return edgeswap.export(
        model,
        calibration=digits("digits")[0],  # no labels
        test_data=digits("digits/test"),
        preprocess="unit",
        method=method,
        **settings,
    ).report


@pytest.mark.slow
def test_a_swish_network_that_ptq_ruins_comes_back_without_labels():
    model = network(outlier=200.0)
    assert exported(model, "ptq").comparison.drop > 3
    report = exported(model, "auto", max_drop=0.2)
    assert report.comparison.drop <= 0.3
    assert report.method == "ptq"
    first, *_ = report.ladder
    assert (first.rung, first.kept, first.reason) == ("ptq", False, "over")
    assert [rung.taken for rung in report.ladder].count(True) == 1


@pytest.mark.slow
def test_a_network_that_ptq_serves_ends_on_the_first_rung():
    report = exported(network(outlier=1.0), "auto")
    (rung,) = report.ladder
    assert (rung.rung, rung.reason, rung.taken, rung.metric) == ("ptq", "kept", True, "expected_drop")
    assert rung.samples == 500


def test_training_needs_samples_to_train_on():
    assert not export_config({"model": "m.keras", "calibration": "c", "test_data": "t", "method": "auto"}).may_train
    assert export_config({"model": "m.keras", "data": "d", "method": "auto"}).may_train
    with pytest.raises(ConfigError, match="Expected --method ptq for --precision int16x8, got auto"):
        export_config({"precision": "int16x8", "method": "auto"})
    with pytest.raises(ConfigError, match="Expected --method qat for --save-qat, got auto"):
        export_config({"method": "auto", "save_qat": True})
