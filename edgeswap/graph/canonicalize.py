"""One form for every model: nested models in place, every activation a node of its own.

Conv2D(activation="relu6")      Conv2D -> EdgeswapActivation(relu6)
ReLU(max_value=6)               EdgeswapActivation(relu6)
Dense(activation="softmax")     Dense -> Softmax
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from edgeswap.activations.catalog import Activation, parse
from edgeswap.errors import ConfigError
from edgeswap.graph.dialect import ACTIVATION_LAST
from edgeswap.graph.inline import inline_submodels
from edgeswap.graph.ir import ACTIVATION, Graph, Layer, Node, Ref, map_refs
from edgeswap.graph.operations import operations_as_layers
from edgeswap.graph.patterns import find_patterns


def canonicalize(graph: Graph) -> Graph:
    """The same function as a flat graph in which every activation is a node of its own.

    An inline activation becomes the layer `<layer>_activation`; all other layers keep their names and weights. An
    activation that the catalog does not hold stays a Keras layer. A bare operation becomes the Keras layer that
    computes it, or an `EdgeswapOperation`; an activation written out in arithmetic becomes one node.
    """
    return find_patterns(_activations_as_nodes(operations_as_layers(inline_submodels(graph))))


def activation_layer(name: str, activation: Activation, *, dtype: str = "float32", trainable: bool = True) -> Layer:
    """The canonical layer of an activation; what it learns starts where the catalog says."""
    config = {"kind": activation.kind, "parameters": dict(activation.parameters), "dtype": dtype}
    return Layer(name, ACTIVATION, config, trainable=trainable)


def _activations_as_nodes(graph: Graph) -> Graph:
    layers: dict[str, Layer] = {}
    after: dict[str, Layer] = {}  # layer name -> the activation layer that now follows each of its calls
    for layer in graph.layers.values():
        layers[layer.name] = _standalone(layer)
        inline = layer.config.get("activation") if layer.class_name in ACTIVATION_LAST else None
        if inline is not None:
            layers[layer.name] = replace(layer, config={**layer.config, "activation": "linear"})
        if isinstance(inline, Layer) or inline not in (None, {"catalog": "linear"}):
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
            nodes.append(Node(follower.name + call, follower.name, (Ref(node.name),), shapes=node.shapes))
            moved[Ref(node.name)] = Ref(nodes[-1].name)
    outputs = tuple(moved.get(ref, ref) for ref in graph.outputs)
    return replace(graph, layers=layers, nodes=tuple(nodes), outputs=outputs)


def _standalone(layer: Layer) -> Layer:
    """An activation layer of Keras or of edgeswap in its canonical form; any other layer as it is."""
    if layer.class_name == "Activation" and isinstance(layer.config["activation"], Layer):
        return _from_function(layer.name, layer.config["activation"], layer.config["dtype"])
    convert = _ACTIVATION_CLASSES.get(layer.class_name)
    try:
        found = None if convert is None or _is_a_users(layer) else convert(layer.config)
    except ConfigError:  # parameters that the catalog does not have, such as a ceiling of 0
        found = None
    if found is None:
        return layer
    canonical = activation_layer(layer.name, found, dtype=layer.config["dtype"], trainable=layer.trainable)
    return replace(canonical, weights=layer.weights)


def _is_a_users(layer: Layer) -> bool:
    """Whether a class of the user's own only bears the name of a Keras one."""
    return layer.python_class is not None and layer.class_name != "CatalogActivation"


def _from_function(name: str, function: Any, dtype: Any) -> Layer:
    if isinstance(function, Layer):
        return _standalone(replace(function, name=name))
    if isinstance(function, Mapping) and "catalog" in function:
        return activation_layer(name, parse(function["catalog"]), dtype=dtype)
    if function == "softmax":
        return Layer(name, "Softmax", {"axis": -1, "dtype": dtype})
    return Layer(name, "Activation", {"activation": function, "dtype": dtype})


def _activation(config: Mapping[str, Any]) -> Activation | None:
    function = config["activation"]
    return parse(function["catalog"]) if isinstance(function, Mapping) and "catalog" in function else None


def _relu(config: Mapping[str, Any]) -> Activation | None:
    ceiling, slope = config["max_value"], config.get("negative_slope") or 0.0
    if config.get("threshold") or (slope and ceiling is not None):
        return None
    if ceiling is None:
        return Activation("leaky_relu", {"negative_slope": slope}) if slope else Activation("relu")
    return Activation("relu6") if ceiling == 6.0 else Activation("relu_n", {"max_value": ceiling})


def _prelu(config: Mapping[str, Any]) -> Activation | None:
    """One slope a channel is the catalog's; one a position is not."""
    return Activation("prelu") if config["shared_axes"] in ([1, 2], (1, 2)) else None


_ACTIVATION_CLASSES: Mapping[str, Callable[[Mapping[str, Any]], Activation | None]] = {
    "Activation": _activation,
    "ReLU": _relu,
    "ELU": lambda config: Activation("elu", {"alpha": config["alpha"]}),
    "LeakyReLU": lambda config: Activation("leaky_relu", {"negative_slope": config["negative_slope"]}),
    "PReLU": _prelu,
    "CatalogActivation": lambda config: Activation(config["kind"], config["parameters"]),
}


def _unique(name: str, graph: Graph) -> str:
    while name in graph.layers:
        name += "_"
    return name
