"""Weights that networks share with the graph they are built from, until one of them changes."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest

from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph import shared_weights
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.quantization.layer_by_layer import LayerByLayer


@pytest.fixture(autouse=True)
def _all_are_large(monkeypatch):
    monkeypatch.setattr(shared_weights, "SHARED_FROM_BYTES", 0)


def network(framework):
    inputs = framework.Input((4, 4, 3))
    x = framework.layers.BatchNormalization()(framework.layers.Conv2D(2, 3)(inputs))
    return framework.Model(inputs, framework.layers.Dense(2)(framework.layers.Flatten()(x)))


def addresses(arrays) -> list[int]:
    return [np.asarray(array).__array_interface__["data"][0] for array in arrays]


def of_graph(graph: Graph) -> list[np.ndarray]:
    return [array for layer in graph.layers.values() for array in layer.weights]


def of_model(model) -> list[np.ndarray]:
    return [array for layer in model.layers for array in shared_weights.arrays_of(layer)]


def same(one: Graph, other: Graph) -> bool:
    return all(mine is yours for mine, yours in zip(of_graph(one), of_graph(other), strict=True))


@pytest.mark.parametrize("given", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_network_that_is_read_and_built_has_its_weights_once(given, framework):
    model = network(given)
    graph = canonicalize(read(model))
    built = build(graph, framework)
    assert addresses(of_model(built)) == addresses(of_graph(graph)) == addresses(of_model(model))
    assert not any(array.flags.writeable for array in of_graph(graph))


@pytest.mark.parametrize("change", ["assign_add", "an optimizer"])
def test_a_network_that_changes_leaves_the_others_as_they_are(change):
    model = network(keras)
    graph = canonicalize(read(model))
    before = [array.copy() for array in of_graph(graph)]
    trained, other = build(graph), build(graph)
    for variable in trained.variables:
        if change == "assign_add":
            variable.assign_add(tf.ones(variable.shape))
        else:  # what `fit` ends in: it writes into the variable's buffer where nothing else refers to it
            tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=1.0, delta=tf.ones(variable.shape))
    for got in (of_graph(graph), of_model(other), of_model(model)):
        assert all(np.array_equal(one, two) for one, two in zip(before, got, strict=True))
    assert not any(np.array_equal(one, two) for one, two in zip(before, of_model(trained), strict=True))


@pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_layer_that_works_with_what_it_makes_of_its_weights_makes_it_anew(framework):
    layer = framework.layers.Normalization()
    layer.build((None, 3))
    other = framework.layers.Normalization()
    other.adapt(np.arange(12, dtype=np.float32).reshape(4, 3))
    shared_weights.assign(layer, shared_weights.arrays_of(other))
    assert np.array_equal(layer(np.ones((1, 3), np.float32)), other(np.ones((1, 3), np.float32)))


def test_small_weights_are_copied(monkeypatch):
    monkeypatch.setattr(shared_weights, "SHARED_FROM_BYTES", 2**20)
    model = network(keras)
    assert set(addresses(of_graph(canonicalize(read(model))))).isdisjoint(addresses(of_model(model)))


def test_arrays_of_their_own_are_copied():
    layer = tf_keras.layers.Dense(2)
    layer.build((None, 3))
    own = [np.ones((3, 2), np.float32), np.zeros(2, np.float32)]
    shared_weights.assign(layer, own)
    own[0][:] = 7
    assert layer.get_weights()[0].max() == 1


def test_large_weights_that_a_pass_made_are_shared_too(monkeypatch):
    graph = canonicalize(read(network(keras)))
    made = {
        name: replace(layer, weights=tuple(2 * array for array in layer.weights))
        for name, layer in graph.layers.items()
    }
    passed = graph.with_layers(made)
    monkeypatch.setattr(shared_weights, "SHARED_FROM_BYTES", 2**20)
    assert same(shared_weights.with_shared_weights(passed), passed)
    monkeypatch.setattr(shared_weights, "SHARED_FROM_BYTES", 0)
    shared = shared_weights.with_shared_weights(passed)
    assert all(np.array_equal(one, two) for one, two in zip(of_graph(passed), of_graph(shared), strict=True))
    assert addresses(of_model(build(shared))) == addresses(of_graph(shared))
    assert same(shared_weights.with_shared_weights(shared), shared)


def test_other_weights_are_gone_once_a_layer_has_computed_with_them():
    graph = canonicalize(read(network(keras)))
    run = LayerByLayer(graph, [np.ones((1, 4, 4, 3), np.float32)])
    image, conv = graph.nodes[:2]
    run.keep(image, run.compute(image))
    (plain,) = run.compute(conv)
    weights = graph.layers[conv.layer].weights
    assert np.array_equal(run.compute(conv, [2 * array for array in weights])[0], 2 * plain.numpy())
    assert addresses(shared_weights.arrays_of(run.layer(conv))) == addresses(weights)


@pytest.mark.slow
def test_what_no_array_shows_any_more_is_forgotten():
    before = len(shared_weights._behind)
    layer = tf_keras.layers.Dense(2)
    layer.build((None, 3))
    arrays = shared_weights.arrays_of(layer)
    assert len(shared_weights._behind) == before + 2
    del arrays
    gc.collect()
    assert len(shared_weights._behind) == before
