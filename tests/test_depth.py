"""Networks of thousands of layers in a row: what walks a graph does not recurse, nor take a square of their number."""

import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from edgeswap.activations.catalog import Activation
from edgeswap.graph.calls import in_calling_order
from edgeswap.graph.canonicalize import activation_layer, canonicalize
from edgeswap.graph.ir import Graph, Layer, Node, Ref
from edgeswap.graph.swap import swap
from edgeswap.quantization.placement import place

KINDS = ("Dense", "BatchNormalization", "relu", "Dropout", "MaxPooling1D", "elu", "Reshape")


def layer_of(index):
    kind, name = KINDS[index % len(KINDS)], f"layer{index}"
    if kind in ("relu", "elu"):
        return activation_layer(name, Activation(kind))
    ones = np.ones(4, np.float32)
    config = {
        "Dense": {"use_bias": True, "activation": {"catalog": "swish"}, "dtype": "float32"},
        "BatchNormalization": {"axis": -1, "scale": True, "center": True, "epsilon": 1e-3, "dtype": "float32"},
        "Reshape": {"target_shape": (2, 4)},
    }.get(kind, {})
    weights = {"Dense": (np.eye(4, dtype=np.float32), ones), "BatchNormalization": (ones,) * 4}.get(kind, ())
    return Layer(name, kind, config, weights)


def chain(count):
    layers = [Layer("x", "InputLayer", {"batch_shape": (None, 2, 4)}), *(layer_of(index) for index in range(count))]
    nodes = [Node("x", "x", shapes=((None, 2, 4),))]
    for layer in layers[1:]:
        nodes.append(Node(layer.name, layer.name, (Ref(nodes[-1].name),)))
    return Graph("deep", {layer.name: layer for layer in layers}, tuple(nodes), (Ref("x"),), (Ref(nodes[-1].name),))


def seconds_of(graph):
    started = time.process_time()
    canonical = canonicalize(graph)
    assert len(canonical.nodes) > len(graph.nodes)
    swap(canonical, Activation("relu6"))
    place(canonical, input_ranges={"x": (-1.0, 1.0)})
    return time.process_time() - started


@pytest.mark.slow
def test_a_deep_network_is_walked_without_recursion_nested_or_not():
    inner = chain(3000)
    nested = Layer("inner", "Functional", {}, submodel=inner)
    around = Graph("outer", {"y": replace(inner.layers["x"], name="y"), "inner": nested},
                   (Node("y", "y"), Node("inner", "inner", (Ref("y"),))), (Ref("y"),), (Ref("inner"),))  # fmt: skip
    limit = sys.getrecursionlimit()
    frames, frame = 0, sys._getframe()
    while frame is not None:
        frames, frame = frames + 1, frame.f_back
    sys.setrecursionlimit(frames + 120)
    try:
        assert place(canonicalize(around), input_ranges={"y": (-1.0, 1.0)}).graph.layers
        assert swap(canonicalize(around), Activation("relu6")).activations.swapped
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.slow
def test_time_grows_with_the_number_of_layers_and_not_with_its_square():
    """Eight times the layers would take 64 times as long; 24 leaves room for a machine that has other work."""
    seconds_of(chain(200))
    assert seconds_of(chain(4000)) < 24 * max(seconds_of(chain(500)), 0.02)


@pytest.mark.slow
def test_calls_are_ordered_by_what_they_wait_for():
    count = 20_000
    nodes = {f"n{i}": Node(f"n{i}", f"n{i}", (Ref(f"n{i + 1}"),) if i < count - 1 else ()) for i in range(count)}
    assert [node.name for node in in_calling_order(nodes)] == [f"n{i}" for i in reversed(range(count))]


@pytest.mark.slow
@pytest.mark.rare  # test_model_load.py has one that is deep and plain
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_a_nested_model_of_a_thousand_layers_is_read_built_and_compared(name):
    from edgeswap import frameworks
    from edgeswap.graph.build import build
    from edgeswap.graph.read import read
    from edgeswap.graph.same_function import sample_inputs, verify
    from edgeswap.quantization.decompose import decompose

    k = getattr(frameworks, name)
    inner = [k.Input((4,)), *(k.layers.Dense(4, activation="tanh") for _ in range(1054))]
    x = k.Input((4,), name="x")
    model = k.Model(x, k.layers.Dense(2)(k.Sequential(inner)(x)))
    graph = canonicalize(read(model))
    assert len(graph.layers) == 2 * 1054 + 2
    parts = decompose(graph)
    if name == "keras":  # the graph no longer knows whose model it was, and building takes longest
        verify(model, build(parts), parts, sample_inputs(graph), done="decomposed")
