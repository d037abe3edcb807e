"""Graph: a small framework-neutral picture of a Keras model.

It exists so that a Keras 3 model and a Keras 2 (tf_keras) model meet in one form, and so that what is decided about
a model (which activation to swap, which tensor to quantize) is a pure function over data. Nothing here knows Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy.typing as npt

from edgeswap.activations.catalog import Activation, parse

Shape = tuple[int | None, ...]

ACTIVATION = "EdgeswapActivation"  # class_name of an activation of the catalog, in a canonical graph
OPERATION = "EdgeswapOperation"  # class_name of an operation that is no layer of Keras
ACTIVATION_ATTRIBUTE = "activation attribute"  # key of a config: what a user's layer holds without naming it there


@dataclass(frozen=True)
class Ref:
    """One tensor: output `index` of the node called `node`."""

    node: str
    index: int = 0


@dataclass(frozen=True, eq=False)
class Layer:
    """One Keras layer: what it is and its weights, not where it is called.

    `class_name` and `config` are those of Keras 3 (`get_config()`, its dtype policy by name); weights stand in the
    order of `get_weights()`. `python_class` is set only where the class is the user's own, so that nobody else could
    find it by name; `submodel` only where the layer is itself a model, which `canonicalize` puts in its place.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    weights: tuple[npt.NDArray[Any], ...] = ()
    trainable: bool = True
    python_class: type | None = None
    submodel: Graph | None = None

    @property
    def activation(self) -> Activation | None:
        """The activation of the catalog that this layer is, in a canonical graph; None for every other layer."""
        if self.class_name != ACTIVATION:
            return None
        return Activation(self.config["kind"], self.config["parameters"])

    @property
    def inner_activation(self) -> Activation | None:
        """The activation of the catalog that a user's own layer applies inside; None for every other layer."""
        for key in ("activation", ACTIVATION_ATTRIBUTE):
            value = self.config.get(key)
            if self.python_class is not None and isinstance(value, Mapping) and "catalog" in value:
                return parse(value["catalog"])
        return None


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a layer.

    `name` is unique in the graph and is the layer's own name for its first call. `args` and `kwargs` are what the
    layer is called with: nested lists, tuples and dicts of `Ref`s and constants. `shapes` are those of the tensors that
    come out, batch included, None for a free size: `read` sets them, each pass keeps them right, and only a graph that
    was not read from a model has none. `submodel` is that of the layer, with the shapes that it has at this call.
    """

    name: str
    layer: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    shapes: tuple[Shape, ...] = ()
    submodel: Graph | None = None

    def refs(self) -> tuple[Ref, ...]:
        """The tensors this call reads, in order, with repetitions."""
        return tuple(_refs_in((self.args, self.kwargs)))


@dataclass(frozen=True, eq=False)
class Graph:
    """A model: layers, the calls that connect them (each after those it reads), inputs and outputs.

    An input is a node whose layer is an `InputLayer`; `inputs` fixes their order. `renamed` maps the new name of a
    layer that came out of a nested model to its old one, where two had the same. `framework` is the name of the one
    it was read from, `keras` or `tf_keras`.
    """

    name: str
    layers: Mapping[str, Layer]
    nodes: tuple[Node, ...]
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    framework: str = "keras"

    def layer_of(self, node: Node | Ref | str) -> Layer:
        """The layer that a node, a tensor or the node of that name comes from."""
        return self.layers[self.node(node).layer]

    def node(self, node: Node | Ref | str) -> Node:
        """The node itself, the node behind a tensor, or the node of that name."""
        if isinstance(node, Node):
            return node
        return self._nodes_by_name[node.node if isinstance(node, Ref) else node]

    def shape(self, ref: Ref) -> Shape | None:
        """Shape of a tensor, batch included, None for a free size; None where it is not known."""
        shapes = self.node(ref).shapes
        return shapes[ref.index] if ref.index < len(shapes) else None

    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """Node name to the nodes that read any of its outputs; nodes nobody reads have an empty tuple."""
        return self._consumers

    def calls(self, layer: str) -> tuple[Node, ...]:
        """The calls of a layer, in order."""
        return self._calls.get(layer, ())

    @cached_property
    def _consumers(self) -> Mapping[str, tuple[Node, ...]]:
        readers: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(ref.node for ref in node.refs()):
                readers[name].append(node)
        return {name: tuple(found) for name, found in readers.items()}

    @cached_property
    def _calls(self) -> Mapping[str, tuple[Node, ...]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.layer, []).append(node)
        return {layer: tuple(calls) for layer, calls in found.items()}

    def with_layers(self, changed: Mapping[str, Layer]) -> Graph:
        """The same graph with some layers replaced by others of the same name."""
        return replace(self, layers={**self.layers, **changed})

    @cached_property
    def _nodes_by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}


def map_refs(value: Any, change: Callable[[Ref], Any]) -> Any:
    """A copy of nested call arguments with every `Ref` changed."""
    if isinstance(value, Ref):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map_refs(item, change) for item in value)
    if isinstance(value, Mapping):
        return {key: map_refs(item, change) for key, item in value.items()}
    return value


def _refs_in(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _refs_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _refs_in(item)
