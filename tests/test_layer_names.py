"""Models and layers of any name: built, trained on and told of by that name."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.build import build, with_weights_of
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.layer_names import built_name, errors_in_given_names, given_names
from edgeswap.graph.read import read
from edgeswap.graph.same_function import sample_inputs, verify
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve

ODD = ["my model", "größe", "_hidden", "a" * 400, "x:0", "^control", "名前", "-", "a b", "a_b", "a  b", "%s", "'", "."]


def model_of(names):
    """Two convolutions with an activation inside, a normalization and a dense layer, by these names."""
    keras.utils.set_random_seed(0)
    model, first, norm, second, head = names
    inputs = keras.Input((6, 6, 3), name="my image")
    x = keras.layers.Conv2D(4, 3, activation="swish", name=first)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="elu", name=second)(keras.layers.BatchNormalization(name=norm)(x))
    x = keras.layers.Dense(3, name=head)(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(inputs, x, name=model)


def test_names_that_are_scopes_stay_and_others_do_not_meet():
    for name in ("conv2d_1", "block1/conv", "a.b-c", "0"):
        assert built_name(name) == name
    assert len({built_name(name) for name in ODD}) == len(ODD)
    assert built_name("a/b", "keras") == "a_b"


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_name_becomes_a_scope_of_its_own(one, other):
    with tf.Graph().as_default(), tf.name_scope(built_name(one)) as scope:
        assert scope
    assert (built_name(one) == built_name(other)) == (one == other)


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(min_size=1).filter(lambda name: "/" not in name), min_size=5, max_size=5, unique=True))
def test_a_model_of_any_names_is_built_and_quantized(names):
    holds(names)


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 5, 9])
def test_a_model_of_odd_names_is_built_and_quantized(start):
    holds(ODD[start : start + 5])


def holds(names):
    model = model_of(names)
    graph = canonicalize(read(model))
    samples = sample_inputs(graph)
    built = build(graph)
    verify(model, built, graph, samples)
    assert tf_keras.models.clone_model(built).predict(samples[0], verbose=0).shape == (4, 3)
    assert {layer: len(found.weights) for layer, found in with_weights_of(graph, built).layers.items()} == {
        layer: len(found.weights) for layer, found in graph.layers.items()
    }
    placement = place(graph, input_ranges={"my image": (-4.0, 4.0)})
    fake_quant = quantize(placement, resolve(placement, calibrate(placement, samples), trains=False))
    apart = np.abs(fake_quant.predict(samples[0], verbose=0) - np.asarray(model(samples[0])))
    assert apart.max() < 0.1 * np.abs(np.asarray(model(samples[0]))).max() + 0.05


def test_errors_speak_of_the_given_names():
    names = given_names(canonicalize(read(model_of(["m", "my conv", "n", "c", "h"]))))
    assert names["my image"] == "my image"
    with pytest.raises(ModelError) as raised, errors_in_given_names(names):
        raise ModelError(f"Layer {built_name('my conv')!r} fails.", f"Replace {built_name('my conv')}.")
    assert str(raised.value) == "Layer 'my conv' fails.\nReplace my conv."


def test_the_first_layer_that_differs_is_called_as_it_was_given():
    model = model_of(ODD[:5])
    graph = canonicalize(read(model))
    changed = build(graph)
    layer = changed.get_layer(built_name("größe"))
    layer.set_weights([2 * array for array in layer.get_weights()])
    with pytest.raises(ModelError, match="behind layer 'größe'"):
        verify(model, changed, graph, sample_inputs(graph))
