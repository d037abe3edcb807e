"""The shape of every tensor of a Keras model, on the nodes of its graph: from the framework itself, never inferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edgeswap.frameworks import keras, tf
from edgeswap.graph.calls import call_name
from edgeswap.graph.ir import Graph, Node, Shape


def with_shapes(graph: Graph, model: Any, framework: Any, given: Sequence[Shape] | None = None) -> Graph:
    """The graph with the shapes of all tensors on its nodes, also inside nested models, call by call.

    Args:
        graph: read from `model`, without shapes.
        model: functional or sequential.
        framework: the module `keras` or `tf_keras` that it belongs to.
        given: what the model is called with, input by input, batch included; None for the shapes of its own inputs. A
            nested model may be built for images of any size and called with 224 x 224.
    """
    own = [tuple(tensor.shape) for tensor in model.inputs]
    inputs = own if given is None else list(given)
    shapes = _shapes_at(model, framework, None if inputs == own else inputs)
    shapes |= {ref.node: (shape,) for ref, shape in zip(graph.inputs, inputs, strict=True)}
    members = {layer.name: layer for layer in model.layers}

    def shaped(node: Node) -> Node:
        submodel = graph.layers[node.layer].submodel
        if submodel is not None:
            read = [shapes[ref.node][ref.index] for ref in node.refs()][: len(submodel.inputs)]
            submodel = with_shapes(submodel, members[node.layer], framework, read)
        return replace(node, shapes=shapes[node.name], submodel=submodel)

    return replace(graph, nodes=tuple(shaped(node) for node in graph.nodes))


def tensors_of(model: Any, framework: Any) -> dict[str, list[Any]]:
    """Name of each call, counted from 0, to the symbolic tensors that come out."""
    if framework is keras:
        network = model._functional if isinstance(model, keras.Sequential) else model
        layers, members = network.operations, network._nodes
    else:
        layers, members = model.layers, model._network_nodes
    found: dict[str, list[Any]] = {}
    for layer in layers:
        key = id(layer) if framework is keras else layer.name
        inside = [node for index, node in enumerate(layer._inbound_nodes) if f"{key}_ib-{index}" in members]
        for index, node in enumerate(inside):
            tensors = node.output_tensors if framework is keras else node.outputs
            found[call_name(layer.name, index)] = list(tf.nest.flatten(tensors))
    return found


def _shapes_at(model: Any, framework: Any, inputs: Sequence[Shape] | None) -> dict[str, tuple[Shape, ...]]:
    """Name of each call to the shapes that come out, where the model is called with other shapes than its own.

    A model of the same tensors that gives all of them out is called in its place: the model itself stays untouched.
    """
    tensors = tensors_of(model, framework)
    shapes = [tuple(tensor.shape) for found in tensors.values() for tensor in found]
    if inputs is not None:
        probe = framework.Model(model.inputs, [tensor for found in tensors.values() for tensor in found])
        symbolic = [
            framework.Input(batch_shape=shape, dtype=tensor.dtype)
            for shape, tensor in zip(inputs, model.inputs, strict=True)
        ]
        shapes = [tuple(tensor.shape) for tensor in tf.nest.flatten(probe(symbolic))]
    remaining = iter(shapes)
    return {name: tuple(next(remaining) for _ in found) for name, found in tensors.items()}
