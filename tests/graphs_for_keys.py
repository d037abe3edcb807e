"""A tiny graph, and others that differ from it in one thing each, for tests of keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeswap.graph.ir import Graph, Layer, Node, Ref


def graph() -> Graph:
    """An input and a dense layer."""
    kernel = np.arange(6, dtype=np.float32).reshape(3, 2)
    layers = {
        "x": Layer("x", "InputLayer", {"batch_shape": (None, 3), "dtype": "float32"}),
        "dense": Layer("dense", "Dense", {"units": 2, "use_bias": False}, (kernel,)),
    }
    nodes = (Node("x", "x", shapes=((None, 3),)), Node("dense", "dense", (Ref("x"),), shapes=((None, 2),)))
    return Graph("tiny", layers, nodes, (Ref("x"),), (Ref("dense"),))


def others() -> list[Graph]:
    """Graphs that differ in a weight, a config, a flag, a connection, the outputs, or the framework."""
    given = graph()
    dense = given.layers["dense"]
    (kernel,) = dense.weights
    other_kernel = kernel.copy()
    other_kernel[0, 0] = np.nextafter(kernel[0, 0], np.float32(1))
    changed = [
        replace(dense, weights=(other_kernel,)),
        replace(dense, weights=(kernel.reshape(2, 3),)),
        replace(dense, config={**dense.config, "use_bias": True}),
        replace(dense, class_name="EinsumDense"),
        replace(dense, trainable=False),
    ]
    node = replace(given.nodes[1], kwargs={"training": True})
    return [
        *(given.with_layers({"dense": layer}) for layer in changed),
        replace(given, nodes=(given.nodes[0], node)),
        replace(given, outputs=(Ref("x"),)),
        replace(given, framework="tf_keras"),
    ]
