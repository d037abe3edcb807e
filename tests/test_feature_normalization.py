"""A model's own normalization of features is left to the app: the same samples give the same outputs."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from dataclasses import replace

from edgeswap.data.preprocess import from_name
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.feature_normalization import FeatureNormalization, without_normalizations
from edgeswap.graph.read import read
from edgeswap.graph.restored_normalization import with_normalizations

SIZES = np.array([1e-3, 10.0, 1e4], np.float32)
SAMPLES = (np.random.default_rng(0).normal(size=(50, 3)) * SIZES + 2 * SIZES).astype(np.float32)


def model(k, first, shape=(3,)):
    inputs = k.Input(shape, name="sensors")
    outputs = k.layers.Dense(4, name="scores")(k.layers.Flatten()(first(inputs)))
    return k.Model(inputs, outputs, name="sensors")  # as its input, which a layer may not


def adapted(k, samples=SAMPLES, **how):
    layer = k.layers.Normalization(**how)
    layer.adapt(samples)
    return layer


def taken_out(keras_model, kept=()):
    return without_normalizations(canonicalize(read(keras_model)), kept)


@pytest.mark.slow
@pytest.mark.parametrize("k", [keras, tf_keras])
def test_a_normalization_goes_into_the_preprocessing_and_the_outputs_stay(k):
    given = model(k, adapted(k))
    graph, normalizations = taken_out(given)
    assert not [layer for layer in graph.layers.values() if layer.class_name == "Normalization"]
    preprocess = replace(from_name("none"), normalizations=normalizations)
    # The same arithmetic in float32.
    np.testing.assert_allclose(build(graph)(preprocess(SAMPLES)), given(SAMPLES), rtol=1e-5, atol=1e-5)
    put_back = with_normalizations(build(graph, tf_keras), normalizations)
    np.testing.assert_allclose(put_back(SAMPLES), given(SAMPLES), rtol=1e-4, atol=1e-4)
    assert np.abs(preprocess(SAMPLES).std(axis=0) - 1).max() < 0.01
    np.testing.assert_array_equal(preprocess(SAMPLES), preprocess.as_the_app_does(SAMPLES))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.Normalization(mean=[0.0, 1.0, 2.0], variance=[1.0, 4.0, 0.0]),
        lambda: keras.layers.Normalization(axis=None, mean=5.0, variance=4.0),
        lambda: keras.layers.Rescaling([2.0, 0.5, -1.0], [0.0, 1.0, 2.0]),
        lambda: keras.layers.Rescaling(0.5, [0.0, 1.0, 2.0]),
    ],
)
def test_numbers_that_stand_in_the_layer_itself(layer):
    given = model(keras, layer())
    graph, normalizations = taken_out(given)
    # A variance of 0 is taken for 1e-14, by which the rounding of float32 is divided.
    wanted, found = given(SAMPLES), build(graph)(normalizations["sensors"](SAMPLES))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_steps_of_a_series_share_the_numbers_of_a_feature():
    series = np.stack([SAMPLES, SAMPLES + 1], axis=1)
    given = model(keras, adapted(keras, series), shape=(2, 3))
    graph, normalizations = taken_out(given)
    assert len(normalizations["sensors"].mean) == 3
    np.testing.assert_allclose(build(graph)(normalizations["sensors"](series)), given(series), rtol=1e-4, atol=1e-4)


def two_readers(inputs):
    return keras.layers.Concatenate()([adapted(keras)(inputs), inputs])


@pytest.mark.parametrize(
    ("first", "shape", "kept"),
    [
        (lambda: adapted(keras), (3,), ("sensors",)),
        (lambda: two_readers, (3,), ()),
        (lambda: keras.layers.Rescaling(1 / 255), (3,), ()),
        (lambda: keras.layers.Normalization(mean=1.0, variance=2.0, axis=None, invert=True), (3,), ()),
        (lambda: keras.layers.Normalization(axis=1, mean=[1.0, 2.0], variance=[2.0, 3.0]), (2, 3), ()),
        (lambda: keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[2.0, 3.0, 1.0]), (8, 8, 3), ()),
        (lambda: keras.layers.Rescaling([[2.0], [3.0]]), (2, 3), ()),
        (lambda: keras.layers.Rescaling([[1.0], [20.0], [300.0]]), (3, 3), ()),  # as many steps as features
        (lambda: keras.layers.Normalization(mean=[0.0, np.nan, 0.0], variance=[1.0, 1.0, 1.0]), (3,), ()),
    ],
    ids=[
        "pixels",
        "two readers",
        "one number",
        "inverted",
        "by step",
        "image",
        "rescaled by step",
        "square",
        "not a number",
    ],
)
def test_what_stays_in_the_model(first, shape, kept):
    graph, normalizations = taken_out(model(keras, first(), shape), kept)
    assert not normalizations
    assert [layer.class_name for layer in graph.layers.values() if layer.class_name in ("Normalization", "Rescaling")]


def test_of_two_inputs_the_one_without_a_normalization_gets_back_what_it_was():
    layers = tf_keras.layers
    sensors, other = tf_keras.Input((3,), name="sensors"), tf_keras.Input((2,), name="other")
    normalized = layers.Normalization(mean=[0.0, 1.0, 2.0], variance=[1.0, 4.0, 9.0])(sensors)
    joined = layers.Concatenate()([normalized, other])
    given = tf_keras.Model([sensors, other], layers.Dense(4)(joined))
    graph, normalizations = taken_out(given)
    assert list(normalizations) == ["sensors"]
    samples = [SAMPLES / SIZES, SAMPLES[:, :2] / SIZES[:2]]
    put_back = with_normalizations(build(graph), normalizations)
    # The same arithmetic in float32.
    np.testing.assert_allclose(put_back(samples), given(samples), rtol=1e-5, atol=1e-5)


def test_without_normalizations_there_is_nothing_to_put_back():
    built = build(taken_out(model(tf_keras, tf_keras.layers.ReLU()))[0])
    assert with_normalizations(built, {}) is built


def test_only_the_inputs_that_are_named_are_normalized():
    preprocess = replace(from_name("unit"), normalizations={"sensors": FeatureNormalization((1.0,), (2.0,))})
    raw = {"image": np.full((1, 2, 2, 1), 255, np.uint8), "sensors": np.array([[5.0]], np.float32)}
    for mapped in (preprocess(raw), preprocess.as_the_app_does(raw)):
        assert mapped["image"].max() == pytest.approx(1.0)
        assert mapped["sensors"].tolist() == [[2.0]]


def test_it_comes_after_a_users_own_function(tmp_path, monkeypatch):
    (tmp_path / "own_units.py").write_text("def kelvin(x):\n    return x + 273\n")
    monkeypatch.chdir(tmp_path)
    preprocess = replace(
        from_name("own_units:kelvin"), normalizations={"sensors": FeatureNormalization((300.0,), (10.0,))}
    )
    assert preprocess(np.array([[37.0]], np.float32)).tolist() == [[1.0]]
