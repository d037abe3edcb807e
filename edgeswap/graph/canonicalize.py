"""One form for every model: nested models in place, every activation a node of its own.

Conv2D(activation="relu6")      Conv2D -> EdgeswapActivation(relu6)
ReLU(max_value=6)               EdgeswapActivation(relu6)
Dense(activation="softmax")     Dense -> Softmax
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgeswap.activations.catalog import ALIASES, CATALOG, Activation
from edgeswap.graph.inline import inline_submodels
from edgeswap.graph.ir import ACTIVATION, Graph, Layer, Node, Ref, map_refs
from edgeswap.graph.operations import operations_as_layers
from edgeswap.graph.patterns import find_patterns

# Layers that apply their `activation=` last of all, to their only output.
_ACTIVATION_LAST = {
    "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
    "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "Dense", "EinsumDense",
}  # fmt: skip


def canonicalize(graph: Graph) -> Graph:
    """The same function as a flat graph in which every activation is a node of its own.

    An inline activation becomes the layer `<layer>_activation`; all other layers keep their names and weights. An
    activation that the catalog does not hold stays a Keras layer. A bare operation becomes the Keras layer that
    computes it, or an `EdgeswapOperation`; an activation written out in arithmetic becomes one node.
    """
    return find_patterns(_activations_as_nodes(operations_as_layers(inline_submodels(graph))))


def activation_layer(name: str, activation: Activation, trainable: bool = True) -> Layer:
    """The canonical layer of an activation."""
    config = {"kind": activation.kind, "parameters": dict(activation.parameters)}
    return Layer(name, ACTIVATION, config, trainable=trainable)


def _activations_as_nodes(graph: Graph) -> Graph:
    layers: dict[str, Layer] = {}
    after: dict[str, Layer] = {}  # layer name -> the activation layer that now follows each of its calls
    for layer in graph.layers.values():
        layers[layer.name] = _standalone(layer)
        inline = layer.config.get("activation") if layer.class_name in _ACTIVATION_LAST else None
        if inline is not None and _function_name(inline) != "linear":
            layers[layer.name] = replace(layer, config={**layer.config, "activation": "linear"})
            after[layer.name] = _from_function(
                _unique(f"{layer.name}_activation", graph), inline, layer.config["dtype"]
            )
    layers.update((follower.name, follower) for follower in after.values())

    nodes: list[Node] = []
    moved: dict[Ref, Ref] = {}
    for node in graph.nodes:
        args, kwargs = map_refs((node.args, node.kwargs), lambda ref: moved.get(ref, ref))
        nodes.append(replace(node, args=args, kwargs=kwargs))
        follower = after.get(node.layer)
        if follower is not None:
            call = node.name.removeprefix(node.layer)  # "" or "@1": the same call of the follower
            nodes.append(Node(follower.name + call, follower.name, (Ref(node.name),)))
            moved[Ref(node.name)] = Ref(nodes[-1].name)
    outputs = tuple(moved.get(ref, ref) for ref in graph.outputs)
    return replace(graph, layers=layers, nodes=tuple(nodes), outputs=outputs)


def _standalone(layer: Layer) -> Layer:
    """An activation layer of Keras or of edgeswap in its canonical form; any other layer as it is."""
    found = _ACTIVATION_CLASSES.get(layer.class_name, lambda _config: None)(layer.config)
    return layer if found is None else activation_layer(layer.name, found, layer.trainable)


def _from_function(name: str, function: Any, dtype: Any) -> Layer:
    found = _by_function_name(function)
    if found is not None:
        return activation_layer(name, found)
    if _function_name(function) == "softmax":
        return Layer(name, "Softmax", {"axis": -1, "dtype": dtype})
    return Layer(name, "Activation", {"activation": function, "dtype": dtype})


def _by_function_name(function: Any) -> Activation | None:
    name = _function_name(function)
    kind = ALIASES.get(name, name)
    return Activation(kind) if kind in CATALOG and kind in _KERAS_FUNCTIONS else None


def _function_name(function: Any) -> str:
    """Keras writes a function of its own as its name or, in Keras 2 files, as a record around the name."""
    if isinstance(function, Mapping) and not function.get("registered_name", "").startswith(">"):
        function = function["config"] if isinstance(function["config"], str) else function["class_name"]
    return str(function)


# Catalog kinds that Keras's functions of the same name compute with the catalog's default parameters.
_KERAS_FUNCTIONS = {"linear", "sigmoid", "tanh", "relu", "relu6", "elu", "swish", "hard_swish"}


def _relu(config: Mapping[str, Any]) -> Activation | None:
    plain = not config.get("negative_slope") and not config.get("threshold")
    ceilings = {None: "relu", 6.0: "relu6"}
    return Activation(ceilings[config["max_value"]]) if plain and config["max_value"] in ceilings else None


_ACTIVATION_CLASSES: Mapping[str, Any] = {
    "Activation": lambda config: _by_function_name(config["activation"]),
    "ReLU": _relu,
    "ELU": lambda config: Activation("elu", {"alpha": float(config["alpha"])}),
    "CatalogActivation": lambda config: Activation(config["kind"], config["parameters"]),
}


def _unique(name: str, graph: Graph) -> str:
    while name in graph.layers:
        name += "_"
    return name
