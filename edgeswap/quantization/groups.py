"""Which fake-quants of a placement belong to one int8 operator: its weights, and the range of what it writes."""

from __future__ import annotations

from dataclasses import dataclass

from edgeswap.graph.ir import Graph, Node
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.specification import rule_of


@dataclass(frozen=True)
class Group:
    """The fake-quants of one operator.

    Attributes:
        name: of the layer that it is told by: the one with the weights, else the one with the range; an input's own.
        weights: name of the layer whose weights have fake-quant; None without any.
        output: name of the layer whose output has a range; None where the operator writes into that of another.
        is_input: whether the range is that of an input of the model.
    """

    name: str
    weights: str | None
    output: str | None
    is_input: bool = False


def groups(placement: Placement) -> tuple[Group, ...]:
    """Every fake-quant of `placement` once, in the order of the calls.

    A layer whose own output disappears (into a batch normalization, a ReLU) goes with the layer behind it that has the
    range. Nothing joins a concat, whose range holds several.
    """
    found: dict[str, Group] = {}
    taken: set[str] = set()
    for node in placement.graph.nodes:
        if node.layer in placement.weights and node.layer not in found:
            output = node.layer if node.layer in placement.outputs else _range_behind(placement, node)
            output = None if output in taken else output
            found[node.layer] = Group(node.layer, node.layer, output)
            taken.update([output] if output else [])
    of_weights = {group.output: group for group in found.values() if group.output}
    ordered: dict[str, Group] = {}
    for node in placement.graph.nodes:
        if node.layer in found:
            ordered.setdefault(node.layer, found[node.layer])
        elif node.layer in placement.outputs and node.layer not in of_weights:
            ordered.setdefault(node.layer, _without_weights(placement.graph, node))
    return tuple(ordered.values())


def _without_weights(graph: Graph, node: Node) -> Group:
    sources = {graph.node(ref).name for ref in node.refs() if graph.layer_of(ref).class_name == "InputLayer"}
    is_input = len(sources) == 1 and node.layer == f"{next(iter(sources))}_range"
    return Group(next(iter(sources)) if is_input else node.layer, None, node.layer, is_input)


def _range_behind(placement: Placement, node: Node) -> str | None:
    """The layer with a range that alone reads what `node` gives, layers without one skipped."""
    graph, readers = placement.graph, placement.graph.consumers()
    leaving = {ref.node for ref in graph.outputs}
    while node.name not in leaving and len(readers[node.name]) == 1 and len(graph.calls(node.layer)) == 1:
        (node,) = readers[node.name]
        if len(node.refs()) > 1 or graph.layers[node.layer].class_name == "Concatenate":
            return None
        if node.layer in placement.outputs:
            return None if node.layer in placement.weights else node.layer
        rule = rule_of(graph.layers[node.layer])
        if rule is None or node.layer in placement.weights or (rule.output is None and not rule.identity):
            return None
    return None
