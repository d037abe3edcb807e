"""Activations written out in arithmetic, found again: `x * sigmoid(x)` is swish, `x * relu6(x + 3) / 6` hard-swish."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from edgeswap.activations.catalog import CATALOG, Activation
from edgeswap.graph.ir import ACTIVATION, Graph, Layer, Node, Ref

SIXTH = 1 / 6


def find_patterns(graph: Graph) -> Graph:
    """The same function with each written-out activation as one node; its intermediate nodes are gone.

    Only where nothing else reads the intermediate values. The one node has the name of the last that it replaces.
    """
    for find in (_scaled_gate, _hard_sigmoid, _product):
        for node in graph.nodes:
            found = find(graph, node)
            if found is not None:
                graph = _collapsed(graph, node, *found)
    return graph


Found = tuple[Activation, Ref, tuple[Node, ...]]  # what it is, what it reads, and the nodes before the last


def _scaled_gate(graph: Graph, node: Node) -> Found | None:
    """(x * relu6(x + 3)) / 6: hard-swish with the division last."""
    if not _rescales(graph, node, SIXTH, 0.0):
        return None
    product = _only_source(graph, node)
    if product is None or graph.layers[product.layer].class_name != "Multiply":
        return None
    return _gated(
        graph, product, ("relu6", "hard_swish"), before=lambda x, gate: _shifted_by_3(graph, gate, x), extra=(product,)
    )


def _hard_sigmoid(graph: Graph, node: Node) -> Found | None:
    """relu6(x + 3) / 6."""
    if "hard_sigmoid" not in CATALOG or not _rescales(graph, node, SIXTH, 0.0):
        return None
    ceiling = _only_source(graph, node)
    shift = None if ceiling is None or not _is(graph, ceiling, "relu6") else _only_source(graph, ceiling)
    if ceiling is None or shift is None or not _rescales(graph, shift, 1.0, 3.0):
        return None
    return Activation("hard_sigmoid"), shift.refs()[0], (shift, ceiling)


def _product(graph: Graph, node: Node) -> Found | None:
    """x * sigmoid(x), x * hard_sigmoid(x)."""
    if graph.layers[node.layer].class_name != "Multiply":
        return None
    for kinds in (("sigmoid", "swish"), ("hard_sigmoid", "hard_swish")):
        found = _gated(graph, node, kinds, before=lambda x, gate: () if gate.refs() == (x,) else None)
        if found is not None:
            return found
    return None


def _gated(
    graph: Graph,
    product: Node,
    kinds: tuple[str, str],
    before: Callable[[Ref, Node], tuple[Node, ...] | None],
    extra: tuple[Node, ...] = (),
) -> Found | None:
    """The product of x and a gate of x, in either order; `kinds` are the gate's and the whole's."""
    gate_kind, whole = kinds
    refs = product.refs()
    if len(refs) != 2:
        return None
    for x, gate_ref in (refs, refs[::-1]):
        gate = graph.node(gate_ref)
        if _is(graph, gate, gate_kind) and _read_once(graph, gate):
            inner = before(x, gate)
            if inner is not None:
                return Activation(whole), x, (*inner, gate, *extra)
    return None


def _shifted_by_3(graph: Graph, gate: Node, x: Ref) -> tuple[Node, ...] | None:
    shift = _only_source(graph, gate)
    return (shift,) if shift is not None and _rescales(graph, shift, 1.0, 3.0) and shift.refs() == (x,) else None


def _collapsed(graph: Graph, last: Node, activation: Activation, x: Ref, inner: tuple[Node, ...]) -> Graph:
    gone = {node.name for node in inner}
    dtype = graph.layers[last.layer].config["dtype"]
    config = {"kind": activation.kind, "parameters": dict(activation.parameters), "dtype": dtype}
    layers = {**graph.layers, last.layer: Layer(last.layer, ACTIVATION, config)}
    nodes = [
        replace(node, args=(x,), kwargs={}) if node.name == last.name else node
        for node in graph.nodes
        if node.name not in gone
    ]
    kept = {node.layer for node in nodes}
    return replace(graph, layers={name: layer for name, layer in layers.items() if name in kept}, nodes=tuple(nodes))


def _is(graph: Graph, node: Node, kind: str) -> bool:
    activation = graph.layers[node.layer].activation
    return activation is not None and activation.kind == kind and activation == Activation(kind)


def _rescales(graph: Graph, node: Node, scale: float, offset: float) -> bool:
    layer = graph.layers[node.layer]
    if layer.class_name != "Rescaling" or not all(
        isinstance(layer.config[k], (int, float)) for k in ("scale", "offset")
    ):
        return False
    return math.isclose(layer.config["scale"], scale, rel_tol=1e-6) and math.isclose(layer.config["offset"], offset)


def _only_source(graph: Graph, node: Node) -> Node | None:
    """The node whose output is all that this one reads, if nothing else reads it."""
    refs = node.refs()
    source = graph.node(refs[0]) if len(refs) == 1 else None
    return source if source is not None and _read_once(graph, source) else None


def _read_once(graph: Graph, node: Node) -> bool:
    leaves = any(ref.node == node.name for ref in graph.outputs)
    called_once = sum(other.layer == node.layer for other in graph.nodes) == 1
    return not leaves and called_once and len(graph.consumers()[node.name]) == 1
