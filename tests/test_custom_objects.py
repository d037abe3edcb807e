"""Layers of the user's own are given by name, and nothing in a file runs or is imported unasked."""

from __future__ import annotations

import json
import zipfile

import attack_files as make
import numpy as np
import pytest

from edgeswap.errors import ConfigError, ModelError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.model.custom_objects import twin
from edgeswap.model.load import build_model, load_model
from edgeswap.model.rehearsal import preview

X = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)


class Halved3(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 0.5


class Halved2(tf_keras.layers.Layer):
    def call(self, inputs):
        return inputs * 0.5


def with_own_layer(framework, path):
    layer = {"keras": Halved3, "tf_keras": Halved2}[framework.__name__]
    inputs = framework.Input((8, 8, 1))
    flat = framework.layers.Flatten()(layer(name="own")(inputs))
    framework.Model(inputs, framework.layers.Dense(10)(flat)).save(path)
    return path


@pytest.mark.parametrize("kind", [pytest.param("keras", marks=pytest.mark.slow), "h5"])
@pytest.mark.parametrize("framework", [keras, tf_keras])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_layer_of_the_users_own(framework, kind, tmp_path):
    path = with_own_layer(framework, tmp_path / f"own.{kind}")
    layer = {"keras": Halved3, "tf_keras": Halved2}[framework.__name__]
    with pytest.raises(ModelError) as raised:
        load_model(path)
    assert "--custom-objects" in raised.value.remedy
    given = {layer.__name__: layer}
    assert type(load_model(path, custom_objects=given).get_layer("own")) is layer
    if kind == "keras":  # each of these starts a process of its own
        given = [f"{__name__}:{layer.__name__}"]
        assert type(load_model(path, custom_objects=given).get_layer("own")) is layer


def test_classes_of_both_frameworks_under_one_name(tmp_path):
    path = with_own_layer(keras, tmp_path / "own.keras")
    both = {"Halved3": Halved3, "also Halved3": type("Halved3", (Halved2,), {})}
    assert type(load_model(path, custom_objects=both).get_layer("own")) is Halved3
    assert issubclass(twin("Halved3", both), tf_keras.layers.Layer)
    assert twin("Halved3", {"Halved3": Halved3}) is None


def test_a_custom_object_that_is_not_there(tiny):
    with pytest.raises(ConfigError, match="Expected a class or function that"):
        load_model(tiny / "tiny.keras", custom_objects=["nowhere_at_all:Mine"])


def test_a_custom_object_is_what_models_are_made_of(tmp_path):
    path = make.write_h5(tmp_path / "a.h5", make.functional(make.dense(activation="system"), module=False))
    with pytest.raises(ConfigError, match="Expected a Keras layer class, or a function"):
        build_model(preview(path, custom_objects=["os:system"], load=False), custom_objects=["os:system"])


def test_tf_keras_imports_nothing_that_a_file_names(tiny, tmp_path, monkeypatch):
    """tf_keras's own reader would import the module and call what it names."""
    (tmp_path / "planted.py").write_text("raise SystemExit('the file ran code')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "planted.keras"
    with zipfile.ZipFile(tiny / "old.keras") as source, zipfile.ZipFile(file, "w") as changed:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                config.update(module="planted", class_name="Planted", registered_name="x>Planted")
                data = json.dumps(config).encode()
            changed.writestr(name, data)
    with pytest.raises(ModelError, match="names 'Planted' from 'planted' registered as 'x>Planted'") as raised:
        load_model(file)
    assert "--custom-objects planted:Planted" in raised.value.remedy
    with pytest.raises(SystemExit, match="the file ran code"):
        load_model(file, trust=True)


def test_a_lambda_runs_only_where_the_file_is_trusted(tmp_path):
    inputs = tf_keras.Input((8, 8, 1))
    doubled = tf_keras.layers.Lambda(lambda x: x * 2.0)(inputs)
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(2)(tf_keras.layers.Flatten()(doubled)))
    model.save(tmp_path / "code.keras")
    with pytest.raises(ModelError, match="holds a Lambda layer"):
        load_model(tmp_path / "code.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "code.keras", trust=True)(X), model(X))


@pytest.mark.parametrize(("framework", "given"), [(keras, Halved2), (tf_keras, Halved3)], ids=["keras", "tf_keras"])
def test_a_layer_of_the_other_framework_is_named(framework, given, tmp_path):
    """tf.keras is Keras 2 here, and such a layer class of a user's was left out without a word."""
    name = "Halved3" if framework is keras else "Halved2"
    path = with_own_layer(framework, tmp_path / "own.keras")
    with pytest.raises(ModelError, match=f"Expected a layer class of {framework.__name__} for '{name}'") as raised:
        load_model(path, custom_objects={name: given})
    assert f"Write `import {framework.__name__}`" in raised.value.remedy
