"""Which TFLite operators each layer of a canonical graph becomes in int8, before anything is converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgeswap.activations.catalog import Activation
from edgeswap.compatibility.operation_table import CONDITIONS, KERAS_OPERATIONS, OF_A_CONDITION, OPERATIONS
from edgeswap.compatibility.operator_table import ACTIVATIONS, CLAMPS, LAYERS, NOTHING, Lowered
from edgeswap.graph.ir import OPERATION, Graph, Layer, Node, Ref
from edgeswap.graph.operations import operation_of
from edgeswap.quantization.specification import Rule, rule_of

__all__ = ["Lowered", "activation_operators", "lower"]


def lower(graph: Graph) -> dict[str, Lowered | None]:
    """What each node of a canonical graph becomes, by the node's name; None where nobody has seen it."""
    surroundings = _Surroundings(graph)
    return {node.name: surroundings.lowered(node) for node in graph.nodes}


def activation_operators(activation: Activation) -> Lowered:
    """What an activation becomes where it is not fused; one that only clamps is fused where it can be."""
    activation = activation.simplified()
    parameters = activation.parameters
    match activation.kind:
        case "linear":
            return NOTHING
        case "elu" | "clipped_elu" if parameters["alpha"] != 1.0:
            return Lowered(("ELU", "LEAKY_RELU"))
        case "swish" if parameters["beta"] != 1.0 or parameters["learn_beta"]:
            return Lowered(("MUL", "LOGISTIC", "MUL"))
        case "hard_sigmoid" if round(6 * parameters["slope"], 6) != 1.0:
            return Lowered(("MUL", "ADD", "MUL"))
    return Lowered(ACTIVATIONS[activation.kind])


@dataclass(frozen=True, eq=False)
class _Surroundings:
    graph: Graph

    @cached_property
    def readers(self) -> Mapping[str, tuple[Node, ...]]:
        return self.graph.consumers()

    def lowered(self, node: Node) -> Lowered | None:
        layer = self.graph.layers[node.layer]
        if layer.activation is not None:
            return self.activation(node, layer.activation)
        if layer.python_class is not None:
            return None
        if layer.class_name == "BatchNormalization":
            return NOTHING if self.is_folded(node) else Lowered(("DEPTHWISE_CONV_2D",))
        if layer.class_name == OPERATION:
            return self.operation(node, layer)
        if layer.class_name == "Embedding" and not self.reads_an_input(node):
            return None  # of numbers that the model itself computes
        found = LAYERS.get(layer.class_name)
        return found(layer, len(node.refs())) if callable(found) else found

    def activation(self, node: Node, activation: Activation) -> Lowered:
        plain = activation.simplified()
        if plain.kind not in CLAMPS:
            return activation_operators(plain)
        source = self.source(node)
        if source is None:
            return activation_operators(plain)
        rule = self.rule(source)
        if rule.output is None and not rule.identity:
            return Lowered(("QUANTIZE",))  # of what keeps its input's scale, the range is clamped
        alone = len(self.readers[source.name]) == 1 and Ref(source.name) not in self.graph.outputs
        fuses = self.is_folded(source) or rule.fuses_relu
        return NOTHING if fuses and alone else activation_operators(plain)

    def is_folded(self, node: Node) -> bool:
        if self.graph.layers[node.layer].class_name != "BatchNormalization":
            return False
        source = self.source(node)
        return source is not None and self.rule(source).folds_batch_norm and len(self.readers[source.name]) == 1

    def operation(self, node: Node, layer: Layer) -> Lowered | None:
        name = operation_of(layer)
        if name == "cast" and self.reads_conditions(node):
            return OF_A_CONDITION
        of_keras = KERAS_OPERATIONS.get(name) if "class_name" in layer.config["source"] else None
        found = of_keras or OPERATIONS.get(name)
        return found(layer, len(node.refs())) if callable(found) else found

    def reads_conditions(self, node: Node) -> bool:
        """Whether it reads truth values."""
        source = self.graph.layer_of(node.refs()[0])
        return source.class_name == OPERATION and operation_of(source) in CONDITIONS

    def reads_an_input(self, node: Node) -> bool:
        """Whether it reads an input of the model, perhaps in another shape."""
        while refs := node.refs():
            node = self.graph.node(refs[0])
            class_name = self.graph.layers[node.layer].class_name
            if class_name not in ("Flatten", "Permute", "Reshape") and not self.rule(node).identity:
                return class_name == "InputLayer"
        return True

    def source(self, node: Node) -> Node | None:
        """What it reads, past what the converter removes; None where that is an input."""
        while refs := node.refs():
            node = self.graph.node(refs[0])
            if not self.rule(node).identity:
                return None if self.graph.layers[node.layer].class_name == "InputLayer" else node
        return None

    def rule(self, node: Node) -> Rule:
        return rule_of(self.graph.layers[node.layer]) or Rule()
