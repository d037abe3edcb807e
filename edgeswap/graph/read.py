"""A Keras 3 or tf_keras model to a `Graph`, by way of `get_config()`; the model is not changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.dialect import catalog_text, neutral_config
from edgeswap.graph.ir import ACTIVATION_ATTRIBUTE, OPERATION, Graph, Layer, Node, Ref, map_refs
from edgeswap.graph.operations import operation_name


def _functional_class(framework: Any) -> type:
    """The class behind `Model(inputs, outputs)`, which neither framework names in public."""
    tensor = framework.Input((1,))
    return type(framework.Model(tensor, tensor))


_MODEL_KINDS = (keras.Sequential, tf_keras.Sequential, _functional_class(keras), _functional_class(tf_keras))


def framework_of(model: Any) -> Any:
    """The framework module, `keras` or `tf_keras`, that a model belongs to.

    Raises:
        ModelError: it is no model of either.
    """
    for framework in (keras, tf_keras):
        if isinstance(model, framework.Model):
            return framework
    raise ModelError(
        f"Expected a Keras 3 or tf_keras model, got {type(model).__name__}.",
        "Pass a model object or the path of its file.",
    )


def read(model: Any) -> Graph:
    """The graph of a built sequential or functional model of either framework, nested models as layers of their own.

    Raises:
        ModelError: the model is subclassed or not built, or one of its layers cannot give its config.
    """
    framework = framework_of(model)
    if not isinstance(model, _MODEL_KINDS):
        raise ModelError(
            f"Expected a sequential or functional model, got the subclassed model {type(model).__name__!r}, "
            "whose layers only its own code connects.",
            "Call its layers on a keras.Input and make a functional model of it: keras.Model(inputs, outputs).",
        )
    if isinstance(model, (keras.Sequential, tf_keras.Sequential)):
        return _read_sequential(model, framework)
    return _read_functional(model, framework)


def _read_sequential(model: Any, framework: Any) -> Graph:
    if not model.built or not model.inputs:
        raise ModelError(
            f"Expected a built model, got the sequential model {model.name!r}, which does not know its input shape.",
            "Begin it with an Input layer, or call it once on a sample.",
        )
    tensor = model.inputs[0]
    source = Layer(
        tensor.name.split(":")[0],
        "InputLayer",
        {"batch_shape": tuple(tensor.shape), "dtype": _dtype_name(tensor.dtype)},
    )
    layers = {source.name: source}
    nodes = [Node(source.name, source.name)]
    for keras_layer in model.layers:
        if isinstance(keras_layer, framework.layers.InputLayer):
            continue
        layer = _read_layer(keras_layer, framework)
        layers[layer.name] = layer
        calls = sum(node.layer == layer.name for node in nodes)
        nodes.append(Node(_call_name(layer.name, calls), layer.name, (Ref(nodes[-1].name),)))
    ends = (Ref(source.name),), (Ref(nodes[-1].name),)
    return Graph(model.name, layers, tuple(nodes), *ends, framework=framework.__name__)


def _read_functional(model: Any, framework: Any) -> Graph:
    try:
        config = model.get_config()
    except NotImplementedError as error:
        raise ModelError(
            f"Expected every layer to give its config, but one does not: {' '.join(str(error).split())}",
            "Write get_config() in that layer's class, so that it can be built again.",
        ) from error
    members = {member.name: member for member in model.layers}
    layers: dict[str, Layer] = {}
    nodes: dict[str, Node] = {}
    for entry in config["layers"]:
        name = entry["name"]
        layers[name] = _read_layer(members[name], framework) if name in members else _read_operation(entry)
        calls = entry["inbound_nodes"]
        if layers[name].class_name == "InputLayer":
            nodes[name] = Node(name, name)
            continue
        for index, call in enumerate(calls):
            args, kwargs = (
                _keras_call(call) if framework is keras else _tf_keras_call(call, {e["name"] for e in config["layers"]})
            )
            node = Node(_call_name(name, index), name, args, kwargs)
            nodes[node.name] = node
    outputs = tuple(_history_refs(config["output_layers"]))
    nodes, outputs = _count_calls_from_zero(nodes, outputs, layers)
    inputs = tuple(_history_refs(config["input_layers"]))
    return Graph(model.name, layers, _in_calling_order(nodes), inputs, outputs, framework=framework.__name__)


def _read_layer(layer: Any, framework: Any) -> Layer:
    if isinstance(layer, framework.Model):
        flag: bool = layer.trainable
        return Layer(layer.name, type(layer).__name__, {}, trainable=flag, submodel=read(layer))
    kind = type(layer).__name__
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        symbol = layer.get_config()["function"]
        return _operation_layer(layer.name, symbol, {}, {"tensorflow": symbol})
    if isinstance(layer, framework.layers.Lambda):
        return _operation_layer(layer.name, "lambda", {}, {"python": partial(layer.function, **layer.arguments)})
    own = getattr(framework.layers, kind, None) is not type(layer)
    try:
        config = layer.get_config()
    except NotImplementedError as error:
        raise ModelError(
            f"Expected layer {layer.name!r} to give its config, but class {type(layer).__name__!r} does not.",
            "Write get_config() in that class, so that the layer can be built again.",
        ) from error
    weights = tuple(np.asarray(array) for array in layer.get_weights())
    for array in weights:
        array.flags.writeable = False
    return Layer(
        layer.name,
        kind,
        {**neutral_config(kind, config, framework, own=own), **_activation_attribute(layer, config, framework, own)},
        weights,
        layer.trainable,
        type(layer) if own else None,
    )


def _activation_attribute(layer: Any, config: Mapping[str, Any], framework: Any, own: bool) -> dict[str, Any]:
    """The activation that a user's layer holds without naming it in its config."""
    function = getattr(layer, "activation", None)
    if not own or "activation" in config or not callable(function):
        return {}
    known = catalog_text(getattr(function, "__name__", ""), framework)
    return {} if known is None else {ACTIVATION_ATTRIBUTE: {"catalog": known}}


def _read_operation(entry: Mapping[str, Any]) -> Layer:
    """A bare Keras 3 operation, such as `keras.ops.add` between layers; it has no weights."""
    source = {key: entry[key] for key in ("module", "class_name", "config", "registered_name")}
    return _operation_layer(entry["name"], entry["class_name"], entry["config"], source)


def _operation_layer(name: str, symbol: str, options: Mapping[str, Any], source: Mapping[str, Any]) -> Layer:
    config = {"operation": operation_name(symbol), "options": dict(options), "source": dict(source)}
    return Layer(name, OPERATION, config)


def _keras_call(call: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    def value(item: Any) -> Any:
        if isinstance(item, Mapping) and item.get("class_name") == "__keras_tensor__":
            return _ref(item["config"]["keras_history"])
        if isinstance(item, Mapping) and "class_name" in item:
            return keras.saving.deserialize_keras_object(item)
        if isinstance(item, Mapping):
            return {key: value(inner) for key, inner in item.items()}
        if isinstance(item, (list, tuple)):
            return type(item)(value(inner) for inner in item)
        return item

    kwargs = {key: value(item) for key, item in call["kwargs"].items()}
    return tuple(value(item) for item in call["args"]), {k: v for k, v in kwargs.items() if (k, v) != ("mask", None)}


def _tf_keras_call(call: Any, names: set[str]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """One inbound node of Keras 2: `[[layer, node, tensor, kwargs], …]`, for one tensor also without the outer list."""

    def is_history(item: Any) -> bool:
        return isinstance(item, (list, tuple)) and len(item) >= 3 and isinstance(item[0], str) and item[0] in names

    def value(item: Any) -> Any:
        if is_history(item):
            return _ref(item)
        if isinstance(item, Mapping):
            return {key: value(inner) for key, inner in item.items()}
        if isinstance(item, (list, tuple)):
            return type(item)(value(inner) for inner in item)
        return item

    def first(entry: Any) -> Any:
        return entry[2] if entry[0] == "_CONSTANT_VALUE" else _ref(entry)

    if isinstance(call, Mapping):
        return (value(call),), {}
    if isinstance(call[0], str):
        argument, kwargs = first(call), call[3]
    else:
        kwargs = call[0][3]
        argument = first(call[0]) if len(call) == 1 else [first(entry) for entry in call]
    return (argument,), {key: value(item) for key, item in kwargs.items() if (key, item) != ("name", None)}


def _count_calls_from_zero(
    nodes: Mapping[str, Node], outputs: tuple[Ref, ...], layers: Mapping[str, Layer]
) -> tuple[dict[str, Node], tuple[Ref, ...]]:
    """Number calls by their place in the list: Keras begins at 1 for a nested model that has a call of its own."""
    read_calls = {ref.node for node in nodes.values() for ref in node.refs()} | {ref.node for ref in outputs}
    renamed: dict[str, str] = {}
    for layer in layers.values():
        calls = [node.name for node in nodes.values() if node.layer == layer.name]
        if layer.submodel and _call_name(layer.name, len(calls)) in read_calls:
            renamed.update({_call_name(layer.name, index + 1): name for index, name in enumerate(calls)})

    def moved(ref: Ref) -> Ref:
        return Ref(renamed.get(ref.node, ref.node), ref.index)

    changed = {
        name: replace(node, args=map_refs(node.args, moved), kwargs=map_refs(node.kwargs, moved))
        for name, node in nodes.items()
    }
    return changed, tuple(moved(ref) for ref in outputs)


def _history_refs(history: Any) -> Iterable[Ref]:
    """Keras 3 writes one input or output without the list around it, and several by name as a dict."""
    if isinstance(history, Mapping):
        history = list(history.values())
    if isinstance(history[0], str):
        history = [history]
    return (_ref(item) for item in history)


def _ref(history: Any) -> Ref:
    name, call, tensor = history[:3]
    return Ref(_call_name(name, call), tensor)


def _call_name(layer: str, call: int) -> str:
    return layer if call == 0 else f"{layer}@{call}"


def _in_calling_order(nodes: Mapping[str, Node]) -> tuple[Node, ...]:
    ordered: dict[str, Node] = {}
    waiting = list(nodes.values())
    while waiting:
        ready = [node for node in waiting if all(ref.node in ordered for ref in node.refs())]
        if not ready:
            raise ModelError(
                f"Expected every call to read tensors of the model, but {waiting[0].name!r} reads another.",
                "This is a model that edgeswap misreads: please report it with its get_config().",
            )
        ordered.update((node.name, node) for node in ready)
        waiting = [node for node in waiting if node.name not in ordered]
    return tuple(ordered.values())


def _dtype_name(dtype: Any) -> str:
    return getattr(dtype, "name", str(dtype))
