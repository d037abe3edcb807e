"""What is taken for a model to export."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import edgeswap as api
from edgeswap.commands.opened import verified
from edgeswap.commands.source import open_source, train_example
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.fingerprint import fingerprint
from edgeswap.graph.read import read
from edgeswap.progress import Silent


def opened(model, **settings):
    return open_source(model, seed=0, progress=Silent(), **settings)


@pytest.mark.parametrize("framework", [keras, tf_keras])
def test_a_model_built_for_one_batch_size_takes_any(framework):
    inputs = framework.Input(batch_shape=(1, 4, 4, 1), name="image")
    model = framework.Model(inputs, framework.layers.Dense(3)(framework.layers.Flatten()(inputs)))
    source = opened(model)
    assert source.input_shapes == {"image": (4, 4, 1)}
    x = np.random.default_rng(0).random((5, 4, 4, 1), np.float32)
    one_by_one = np.concatenate([np.asarray(model(x[i : i + 1])) for i in range(5)])
    np.testing.assert_allclose(build(source.graph)(x), one_by_one, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_inputs_that_are_no_floats(dtype):
    inputs = keras.Input((4,), dtype=dtype)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Rescaling(1.0)(inputs)))
    with pytest.raises(ModelError, match=f"Expected float32 inputs, got {dtype}"):
        opened(model)


def test_what_is_no_model():
    with pytest.raises(ModelError, match="Expected a Keras 3 or tf_keras model, got int"):
        opened(3)


@pytest.mark.slow
def test_files_are_known_by_their_bytes_and_objects_by_their_weights(tiny):
    file = opened(tiny / "tiny.keras")
    assert file.record.sha256 == hashlib.sha256((tiny / "tiny.keras").read_bytes()).hexdigest()
    assert file.record.source == str(tiny / "tiny.keras")
    model = keras.models.load_model(tiny / "tiny.keras")
    same = opened(model).record.sha256
    assert opened(model).record.sha256 == same
    model.set_weights([array + 1 for array in model.get_weights()])
    assert opened(model).record.sha256 != same


@pytest.mark.slow
@pytest.mark.parametrize("framework", [keras, tf_keras])
def test_an_object_is_known_by_all_that_it_is(framework):
    def digest(activation="relu", size=3, outputs=slice(None), **norm):
        framework.utils.set_random_seed(0)
        inputs = framework.Input((6, 6, 2), name="image")
        x = framework.layers.Conv2D(4, size, padding="same", activation=activation, name="conv")(inputs)
        y = framework.layers.BatchNormalization(name="norm", **norm)(x)
        return fingerprint(canonicalize(read(framework.Model(inputs, [x, y][outputs], name="net"))))

    first = digest()
    assert digest() == first
    changed = [
        digest("tanh"),
        digest("swish"),
        digest(epsilon=0.1),
        digest(size=1),
        digest(outputs=slice(None, None, -1)),
    ]
    assert len({first, *changed}) == 1 + len(changed)


def test_a_model_is_known_by_what_is_inside_of_its_submodels():
    def digest(activation):
        keras.utils.set_random_seed(0)
        inner, inputs = keras.Input((4,), name="inner"), keras.Input((4,), name="sensors")
        base = keras.Model(inner, keras.layers.Dense(3, activation=activation, name="hidden")(inner), name="base")
        return fingerprint(read(keras.Model(inputs, base(inputs), name="net")))

    assert digest("relu") == digest("relu") != digest("tanh")


def test_a_keras_3_layer_of_ones_own_by_its_tf_keras_twin():
    class Halved(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 0.5

    class Twin(tf_keras.layers.Layer):
        def call(self, inputs):
            return inputs * 0.5

    Twin.__name__ = "Halved"
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(Halved(name="own")(inputs)))
    with pytest.raises(ModelError, match="belongs to another framework") as raised:
        build(opened(model).graph)
    assert "with --custom-objects as MODULE:Halved, or from Python as {'Halved': the class}" in raised.value.remedy
    source = opened(model, custom_objects={"Halved": Twin})
    said = api.check(model, custom_objects={"Halved": Twin}).targets[0].findings
    assert not [finding for finding in said if finding.what == "rebuilding in tf_keras"]
    x = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(build(source.graph)(x), model(x), rtol=1e-6)


@pytest.mark.slow
def test_only_the_example_is_trained(tiny):
    source = opened(tiny / "tiny.keras")
    assert train_example(source, seed=0, progress=Silent()) is source
    assert opened(None).untrained is not None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_no_number_names_its_layer(value):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="scores")(inputs))
    kernel, bias = model.get_layer("scores").get_weights()
    kernel[1, 2] = value
    model.get_layer("scores").set_weights([kernel, bias])
    with pytest.raises(ModelError, match=r"1 of 12 values that are NaN or infinite in layer 'scores' \(Dense\)"):
        opened(model)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float32"])
def test_half_precision_is_told_and_the_float32_model_is_still_the_given_one(policy):
    layers = keras.layers
    inputs = keras.Input((8,), name="x")
    hidden = layers.Dense(16, activation="relu", dtype=policy)(inputs)
    model = keras.Model(inputs, layers.Dense(3, dtype=policy)(hidden))
    source = open_source(model, seed=0, progress=Silent())
    assert [caution.kind for caution in source.cautions] == ["computed_in_float32"] * (policy != "float32")
    assert all(f"computes in {policy}, and" in caution.problem for caution in source.cautions)
    samples = np.random.default_rng(0).random((12, 8)).astype(np.float32)
    verified(source, source.graph, [samples], decomposed=True, progress=Silent())


@pytest.mark.parametrize("framework", [keras, tf_keras])
def test_the_keys_of_a_dict_of_outputs_are_names_of_the_outputs_too(framework):
    inputs = framework.Input((4,))
    head_a = framework.layers.Dense(3, activation="softmax", name="head_a")(inputs)
    head_b = framework.layers.Dense(1, name="head_b")(inputs)
    model = framework.Model(inputs, {"Wert": head_b, "Klasse": head_a, "both": head_a})
    outputs = open_source(model, seed=0, progress=Silent()).signature.outputs
    assert [(output.name, output.also, output.shape) for output in outputs] == [
        ("head_a", ("Klasse",), (3,)), ("head_b", ("Wert",), (1,)), ("head_a_2", ("both",), (3,))
    ]  # fmt: skip
    plain = framework.Model(inputs, [head_a, head_b])
    assert [output.also for output in open_source(plain, seed=0, progress=Silent()).signature.outputs] == [(), ()]
