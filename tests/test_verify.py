"""The network built from a graph against the model that was given: what trips it, what it names, what it allows."""

import numpy as np
import pytest

from edgeswap.commands.swap import swap_activations
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Layer
from edgeswap.graph.read import read
from edgeswap.graph.same_function import FLOAT32_ROUNDING, sample_inputs, verify
from edgeswap.quantization.decompose import decompose

FRAMEWORKS = pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])


def model_of(framework):
    layers = framework.layers
    framework.utils.set_random_seed(0)
    inner = framework.Sequential([layers.Input((6, 6, 8)), layers.Conv2D(8, 3, activation="tanh", name="inside")])
    image, extra = layers.Input((8, 8, 3), name="zebra"), layers.Input((5,), name="apple")
    x = layers.Conv2D(8, 3, activation="swish", name="first")(image)
    x = layers.GlobalAveragePooling2D()(inner(x))
    y = layers.BatchNormalization(name="norm")(layers.Dense(8, name="second")(extra))
    x = layers.Dropout(0.5)(layers.Add()([x, y]))
    return framework.Model({"zebra": image, "apple": extra}, [layers.Dense(3, name="head")(x), y])


def compared(model, changed=(), graph=None):
    graph = canonicalize(read(model)) if graph is None else graph
    verify(model, build(graph.with_layers(dict(changed))), graph, sample_inputs(graph))


def with_config(graph, name, **config):
    layer = graph.layers[name]
    return {name: Layer(name, layer.class_name, {**layer.config, **config}, layer.weights, layer.trainable)}


@FRAMEWORKS
def test_a_model_that_is_read_rightly_passes_also_decomposed(framework):
    model = model_of(framework)
    graph = canonicalize(read(model))
    assert {ref.node for ref in graph.inputs} == {"zebra", "apple"}
    compared(model)
    compared(model, graph=decompose(graph))


@pytest.mark.slow
@FRAMEWORKS
def test_the_first_layer_that_differs_is_named(framework):
    model = model_of(framework)
    graph = canonicalize(read(model))
    other = {"kind": "relu", "parameters": {}}
    with pytest.raises(ModelError, match="first behind layer 'first'"):
        compared(model, with_config(graph, "first_activation", **other))
    with pytest.raises(ModelError, match=r"read to give the model's outputs.*first behind layer 'norm'"):
        compared(model, with_config(graph, "norm", epsilon=0.1))
    parts = decompose(graph)
    weights = tuple(array * 1.01 for array in parts.layers["second"].weights)
    dense = Layer("second", "Dense", parts.layers["second"].config, weights)
    with pytest.raises(ModelError, match=r"decomposed to give the model's outputs.*'second'"):
        verify(model, build(parts.with_layers({"second": dense})), parts, sample_inputs(parts), done="decomposed")


def test_an_epsilon_is_enough_to_tell():
    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(epsilon=1e-3, name="norm")])
    graph = canonicalize(read(model))
    with pytest.raises(ModelError, match="'norm'"):
        compared(model, with_config(graph, "norm", epsilon=1.5e-3))


@pytest.mark.slow
@FRAMEWORKS
def test_chance_and_state_do_not_trip_it(framework):
    layers = framework.layers
    x = layers.Input((8,), name="x")
    compared(framework.Model(x, layers.Dropout(0.5)(x, training=True)))
    steps = layers.Input(batch_shape=(2, 5, 3), name="steps")
    compared(framework.Model(steps, layers.Dense(2)(layers.LSTM(4, stateful=True)(steps))))


@FRAMEWORKS
def test_half_precision_is_allowed_its_own_rounding(framework):
    x = framework.layers.Input((64,), name="x")
    y = framework.layers.Dense(32, dtype="mixed_float16", name="half")(x)
    model = framework.Model(x, y)
    from edgeswap.graph.precision import in_float32

    graph = in_float32(canonicalize(read(model)))
    compared(model, graph=graph)
    layer = graph.layers["half"]
    changed = Layer("half", "Dense", layer.config, tuple(array * 1.1 for array in layer.weights))
    with pytest.raises(ModelError, match="'half'"):
        compared(model, {"half": changed}, graph)


def test_a_network_that_magnifies_rounding_passes():
    """Values that vary in their last 10 bits alone are stretched to 1, as in untrained Inceptions: 2**-10 is 1e-3."""
    keras.utils.set_random_seed(0)
    x = keras.Input((16,), name="x")
    norm = keras.layers.BatchNormalization(epsilon=1e-12, name="norm")
    model = keras.Model(x, norm(keras.layers.Dense(16, name="sum", bias_initializer="ones")(x)))
    samples = [1 + np.random.default_rng(0).normal(0, 1e-4, (4, 16)).astype(np.float32)]
    sums = np.asarray(keras.Model(x, model.get_layer("sum").output)(samples[0]))
    norm.set_weights([np.ones(16), np.zeros(16), sums.mean(0), sums.var(0)])
    graph = canonicalize(read(model))
    kernel, bias = graph.layers["sum"].weights
    last_bit = Layer("sum", "Dense", graph.layers["sum"].config, (kernel, np.nextafter(bias, np.float32(9))))
    built = build(graph.with_layers({"sum": last_bit}))
    expected = np.asarray(model(samples[0]))
    assert np.abs(np.asarray(built(samples[0])) - expected).max() > 2 * FLOAT32_ROUNDING * np.abs(expected).max()
    verify(model, built, graph, samples)


@FRAMEWORKS
def test_a_swap_compares_what_it_read(framework, monkeypatch):
    model = model_of(framework)
    assert swap_activations(model, "relu6").swapped
    from edgeswap.commands import swap as swap_model

    def misread(given):
        graph = read(given)
        return graph.with_layers(with_config(graph, "norm", epsilon=0.5))

    monkeypatch.setattr(swap_model, "read", misread)
    with pytest.raises(ModelError, match="'norm'"):
        swap_activations(model, "relu6")


def test_of_a_free_size_no_samples_are_made_up():
    inputs = keras.Input((None, None, 3))
    assert sample_inputs(canonicalize(read(keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))))) is None


@FRAMEWORKS
def test_a_model_that_cannot_run_on_a_cpu_is_told(framework):
    layer = framework.layers.DepthwiseConv2D(3, strides=(1, 2), padding="same")
    inputs = framework.Input((8, 8, 2))
    model = framework.Model(inputs, layer(inputs))
    graph = canonicalize(read(model))
    with pytest.raises(ModelError, match="to run on samples, but TensorFlow says"):
        verify(model, build(graph), graph, sample_inputs(graph))
