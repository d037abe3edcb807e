"""Channels that are next to silent do not make the weights of others coarse, and the function stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.idle_channels import raise_idle_channels
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.tasks.fidelity import Fidelity

SAMPLES = np.random.default_rng(0).uniform(size=(64, 6, 6, 2)).astype(np.float32)
DEAD = [1, 4, 5]


def network(activation="relu", *, dead=DEAD, weight=8.0):
    """A network that has no use for some hidden units, whose readers have weights far larger than the others'."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((6, 6, 2))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation="relu")(pixels))
    x = keras.layers.Dense(12, activation=activation, name="hidden")(x)
    model = keras.Model(pixels, [keras.layers.Dense(3, name="one")(x), keras.layers.Dense(2, name="two")(x)])
    kernel, bias = model.get_layer("hidden").get_weights()
    bias[dead] = -40.0
    model.get_layer("hidden").set_weights([kernel, bias])
    for name in ("one", "two"):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[dead] = weight
        model.get_layer(name).set_weights([kernel * 0.1, bias])
    return model


def graph_of(model):
    return canonicalize(read(model))


def snr_db(graph):
    """Of the worst output of the fake-quant model."""
    wanted = build(graph, tf_keras).predict(SAMPLES, verbose=0)
    found = place(graph, input_ranges={graph.inputs[0].node: (0.0, 1.0)}, per_channel_dense=True)
    fake_quant = quantize(found, resolve(found, calibrate(found, [SAMPLES]), trains=False))
    return min(
        Fidelity.of(one, other, None).snr_db
        for one, other in zip(wanted, fake_quant.predict(SAMPLES, verbose=0), strict=True)
    )


@pytest.mark.slow
def test_weights_of_dead_units_cost_nothing():
    graph = graph_of(network())
    raised = raise_idle_channels(graph, [SAMPLES])
    for one, other in zip(*(build(g, tf_keras).predict(SAMPLES, verbose=0) for g in (graph, raised)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)  # float32's rounding
    for name in ("one", "two"):
        before, after = (np.abs(g.layers[name].weights[0]) for g in (graph, raised))
        live = [unit for unit in range(12) if unit not in DEAD]
        assert (after[live] <= before[live]).all()  # a unit that is nearly silent is raised too
        assert after[DEAD].max() <= 2 * after[live].max()  # ranges are halved, so up to twice what they need
    # The largest weight is 130 times as large as the others: seven bits are lost, of 6 dB each. With them, what is left
    # is the rounding of activations.
    assert snr_db(graph) < 30
    assert snr_db(raised) > 38


@pytest.mark.slow
def test_a_raised_unit_still_speaks_where_it_wakes():
    """Samples that none of the representative ones is like get what the float model says, within the range."""
    graph = graph_of(network())
    raised = raise_idle_channels(graph, [SAMPLES])
    awake = SAMPLES[:8] * 200
    for one, other in zip(*(build(g, tf_keras).predict(awake, verbose=0) for g in (graph, raised)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)


@pytest.mark.parametrize("activation", ["relu6", "swish", "sigmoid"])
def test_an_activation_that_is_not_homogeneous_holds_its_channels(activation):
    graph = graph_of(network(activation))
    assert raise_idle_channels(graph, [SAMPLES]) is graph


def test_a_network_without_idle_channels_stays_as_it_is():
    graph = graph_of(network(dead=[]))
    assert raise_idle_channels(graph, [SAMPLES]) is graph


def test_a_writer_with_one_scale_for_all_units_stays_as_it_is():
    """Its own weights would get coarse instead."""
    graph = graph_of(network())
    assert raise_idle_channels(graph, [SAMPLES], per_channel_dense=False) is graph


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(
    dead=st.lists(st.integers(0, 11), max_size=12, unique=True),
    weight=st.floats(0.0, 1e4),
    shift=st.floats(-50, 1),
)
def test_the_function_stays_and_no_range_gets_wider(dead, weight, shift):
    model = network(dead=dead, weight=weight)
    kernel, bias = model.get_layer("hidden").get_weights()
    bias[dead] = shift
    model.get_layer("hidden").set_weights([kernel, bias])
    graph = graph_of(model)
    raised = raise_idle_channels(graph, [SAMPLES])
    for one, other in zip(*(build(g, tf_keras).predict(SAMPLES, verbose=0) for g in (graph, raised)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * max(1.0, np.abs(one).max()))

    def ranges(of):
        found = place(of, input_ranges={of.inputs[0].node: (0.0, 1.0)}, per_channel_dense=True)
        return calibrate(found, [SAMPLES])

    for (low, high), (least, most) in zip(ranges(graph).values(), ranges(raised).values(), strict=True):
        assert least >= low - 1e-3 * abs(low) - 1e-4
        assert most <= high + 1e-3 * abs(high) + 1e-4
