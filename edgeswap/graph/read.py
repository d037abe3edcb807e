"""A Keras 3 or tf_keras model to a `Graph`, by way of `get_config()`; the model is not changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.calls import call_name, calls_of, count_from_zero, history_refs, in_calling_order
from edgeswap.graph.dialect import ACTIVATION_LAST, catalog_text, neutral_config
from edgeswap.graph.ir import ACTIVATION_ATTRIBUTE, OPERATION, Graph, Layer, Node, Ref
from edgeswap.graph.operations import operation_name
from edgeswap.graph.shapes import with_shapes
from edgeswap.graph.shared_weights import arrays_of


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
    return with_shapes(_read_model(model, framework), model, framework)


def output_keys(model: Any) -> tuple[str, ...]:
    """The keys of the outputs of a functional model that gives a dict of them, in the order of the graph; else none."""
    if isinstance(model, (keras.Sequential, tf_keras.Sequential)) or not isinstance(model.output, Mapping):
        return ()
    return tuple(sorted(model.output))  # both frameworks list such outputs in this order


def _read_model(model: Any, framework: Any) -> Graph:
    """The graph without shapes."""
    if not isinstance(model, _MODEL_KINDS):
        raise ModelError(
            f"Expected a sequential or functional model, got the subclassed model {type(model).__name__!r}, "
            "whose layers only its own code connects.",
            "Call its layers on a keras.Input and make a functional model of it: keras.Model(inputs, outputs).",
        )
    if isinstance(model, tf_keras.Sequential) and any(len(layer.inbound_nodes) > 1 for layer in model.layers):
        # It lists a layer that comes twice once, and only its tensors tell where the other call is.
        return _read_functional(tf_keras.Model(model.inputs, model.outputs, name=model.name), framework)
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
    calls = Counter[str]()
    for keras_layer in model.layers:
        if isinstance(keras_layer, framework.layers.InputLayer):
            continue
        name = keras_layer.name
        if name not in layers:
            layers[name] = _read_layer(keras_layer, framework)
        call = call_name(name, calls[name])
        calls[name] += 1
        nodes.append(Node(call, name, (Ref(nodes[-1].name),)))
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
    names = {entry["name"] for entry in config["layers"]}
    layers: dict[str, Layer] = {}
    nodes: dict[str, Node] = {}
    for entry in config["layers"]:
        name = entry["name"]
        layers[name] = _read_layer(members[name], framework) if name in members else _read_operation(entry)
        if layers[name].class_name == "InputLayer":
            nodes[name] = Node(name, name)
            continue
        for index, (args, kwargs) in enumerate(calls_of(entry["inbound_nodes"], names, framework)):
            call = call_name(name, index)
            nodes[call] = Node(call, name, args, kwargs)
    outputs = tuple(history_refs(config["output_layers"]))
    nodes, outputs = count_from_zero(nodes, outputs, layers)
    inputs = tuple(history_refs(config["input_layers"]))
    return Graph(model.name, layers, in_calling_order(nodes), inputs, outputs, framework=framework.__name__)


def _read_layer(layer: Any, framework: Any) -> Layer:
    if isinstance(layer, framework.Model):
        flag: bool = layer.trainable
        return Layer(layer.name, type(layer).__name__, {}, trainable=flag, submodel=_read_model(layer, framework))
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
    inner = _layer_as_activation(layer, kind, framework)
    config = config if inner is None else {**config, "activation": inner}
    return Layer(
        layer.name,
        kind,
        {**neutral_config(kind, config, framework, own=own), **_activation_attribute(layer, config, framework, own)},
        _weights(layer, without=() if inner is None else layer.activation.weights),
        layer.trainable,
        type(layer) if own else None,
    )


def _weights(layer: Any, *, without: Sequence[Any]) -> tuple[Any, ...]:
    elsewhere = {id(variable) for variable in without}
    inside = [id(variable) not in elsewhere for variable in layer.weights]
    weights = tuple(array for array, kept in zip(arrays_of(layer), inside, strict=True) if kept)
    for array in weights:
        array.flags.writeable = False
    return weights


def _layer_as_activation(layer: Any, kind: str, framework: Any) -> Layer | None:
    """The layer that a layer of Keras was given as its `activation=`, such as `Dense(8, activation=LeakyReLU(0.1))`."""
    inner = getattr(layer, "activation", None)
    if kind not in (*ACTIVATION_LAST, "Activation") or not isinstance(inner, framework.layers.Layer):
        return None
    if isinstance(inner, framework.Model):
        raise ModelError(
            f"Expected a function or a layer as the activation of {layer.name!r}, got a model.",
            "Write it as a layer of its own behind that one.",
        )
    if not inner.built:  # Keras 3 waits for the first call of the model
        inner.build(layer._inbound_nodes[0].output_tensors[0].shape)
    return _read_layer(inner, framework)


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


def _dtype_name(dtype: Any) -> str:
    return getattr(dtype, "name", str(dtype))
