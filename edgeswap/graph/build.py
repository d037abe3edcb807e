"""A canonical `Graph` to a Keras model of either framework."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import replace
from typing import Any

from edgeswap.activations.layers import activation_function, activation_layer
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.dialect import framework_config
from edgeswap.graph.ir import ACTIVATION_ATTRIBUTE, OPERATION, Graph, Layer, Ref, map_refs
from edgeswap.graph.layer_names import built_name
from edgeswap.graph.moments import CLASSES as MOMENTS
from edgeswap.graph.operation_layer import CLASSES as OPERATIONS
from edgeswap.graph.shared_weights import assign


def build(graph: Graph, framework: Any = tf_keras, *, batch_size: int | None = None) -> Any:
    """A functional model of `framework` that computes what `graph` says, with its names, weights and flags.

    Names that the framework refuses are others there, see `edgeswap.graph.layer_names`.

    Args:
        graph: canonical, see `canonicalize`.
        framework: the module `keras` or `tf_keras`.
        batch_size: fixes the first dimension of every input; None leaves it as the graph has it.

    Raises:
        ModelError: a layer whose class or config `framework` does not have, or whose weights do not fit.
    """
    layers = framework_layers(graph, framework)
    tensors: dict[Ref, Any] = {}
    for node in graph.nodes:
        layer = graph.layers[node.layer]
        if _is_input(layer):
            tensors[Ref(node.name)] = _input(layer, framework, batch_size)
            continue
        args, kwargs = map_refs((node.args, node.kwargs), tensors.__getitem__)
        called = layers[node.layer]
        results = called(*args, **_accepted(called, kwargs))
        for index, tensor in enumerate(results if isinstance(results, (list, tuple)) else [results]):
            tensors[Ref(node.name, index)] = tensor
    model = framework.Model(
        _one_or_all(graph.inputs, tensors),
        _one_or_all(graph.outputs, tensors),
        name=built_name(graph.name, framework.__name__),
    )
    for name, built in layers.items():
        _set_weights(built, graph.layers[name])
    return model


def framework_layers(graph: Graph, framework: Any = tf_keras) -> dict[str, Any]:
    """The layers of a graph that are no inputs, by name, not called yet and so without weights.

    Raises:
        ModelError: a layer whose class or config `framework` does not have.
    """
    return {
        name: _build_layer(layer, framework, graph.framework)
        for name, layer in graph.layers.items()
        if not _is_input(layer)
    }


def with_weights_of(graph: Graph, model: Any) -> Graph:
    """`graph` with the weights that `model`, built from it, has now."""
    inner = {name: layer for name, layer in graph.layers.items() if not _is_input(layer)}
    return graph.with_layers(
        {
            name: replace(layer, weights=tuple(model.get_layer(built_name(name)).get_weights()))
            for name, layer in inner.items()
        }
    )


def _is_input(layer: Layer) -> bool:
    return layer.class_name == "InputLayer"


def _input(layer: Layer, framework: Any, batch_size: int | None) -> Any:
    shape = tuple(layer.config["batch_shape"])
    shape = shape if batch_size is None else (batch_size, *shape[1:])
    return framework.Input(batch_shape=shape, dtype=layer.config["dtype"], name=layer.name)


def _build_layer(layer: Layer, framework: Any, origin: str) -> Any:
    name = built_name(layer.name, framework.__name__)
    activation = layer.activation
    if activation is not None:
        config = {"name": name, "trainable": layer.trainable, "dtype": layer.config.get("dtype", "float32")}
        return activation_layer(activation, framework, weights=layer.weights, **config)
    layer_class: Any = _class_of(layer, framework)
    if layer_class is None:
        raise ModelError(
            f"Expected a layer that {framework.__name__} has, got {layer.name!r} of class {layer.class_name!r}.",
            "Replace that layer, or give its class by --custom-objects.",
        )
    if not issubclass(layer_class, framework.layers.Layer):
        raise ModelError(
            f"Expected a layer of {framework.__name__}, but the class of {layer.name!r} belongs to another framework.",
            f"Write a class {layer.class_name!r} of {framework.__name__} with the same config and weights in another "
            f"module, and hand it over with --custom-objects as MODULE:{layer.class_name}, or from Python as "
            f"{{{layer.class_name!r}: the class}}.",
        )
    if layer_class is layer.python_class:
        return _build_own_layer(layer_class, layer, framework, {"name": name, "trainable": layer.trainable})
    config = framework_config(layer_class, layer.name, layer.config, framework, origin)
    built = layer_class.from_config({**config, "name": name})
    if built.trainable is not layer.trainable:  # not every layer's config takes the flag
        built.trainable = layer.trainable
    return built


def _build_own_layer(layer_class: Any, layer: Layer, framework: Any, flags: dict[str, Any]) -> Any:
    """A user's layer from its config, with the activation that it applies inside."""
    config = {key: value for key, value in layer.config.items() if key != ACTIVATION_ATTRIBUTE}
    inner = layer.inner_activation
    if inner is not None and "activation" in config:
        config["activation"] = activation_function(inner, framework)
    built = layer_class.from_config({**config, **flags})
    if inner is not None and ACTIVATION_ATTRIBUTE in layer.config:
        built.activation = activation_function(inner, framework)
    return built


def _class_of(layer: Layer, framework: Any) -> Any:
    """The class that builds `layer` in `framework`; None if there is none."""
    if layer.class_name == OPERATION:
        return OPERATIONS[framework.__name__]
    if layer.class_name in MOMENTS[framework.__name__]:
        return MOMENTS[framework.__name__][layer.class_name]
    if layer.python_class is None:
        return getattr(framework.layers, layer.class_name, None)
    if issubclass(layer.python_class, framework.layers.Layer):
        return layer.python_class
    # keras.applications has layers of its own, which both frameworks keep in modules of the same name.
    source = layer.python_class.__module__.split(".", 1)
    if source[0] not in ("keras", "tf_keras"):
        return layer.python_class
    twin = importlib.import_module(f"{framework.__name__}.{source[1]}")
    return getattr(twin, layer.class_name, layer.python_class)


def _accepted(layer: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """`training=` given to a nested model reaches only those of its layers that take it."""
    if "training" not in kwargs or "training" in inspect.signature(layer.call).parameters:
        return kwargs
    return {key: value for key, value in kwargs.items() if key != "training"}


def _set_weights(built: Any, layer: Layer) -> None:
    if layer.activation is not None and not layer.weights:
        return  # swapped in a moment ago: what it learns is where its layer starts
    shapes = [tuple(array.shape) for array in layer.weights]
    expected = [tuple(variable.shape) for variable in built.weights]
    if shapes != expected:
        raise ModelError(
            f"Expected weights of shapes {expected} for layer {layer.name!r}, got {shapes}.",
            "The model's file and its layers do not fit each other: save it again.",
        )
    assign(built, list(layer.weights))
    if isinstance(built, keras.layers.Normalization):
        built.finalize_state()  # weights alone leave the statistics it was built with in use


def _one_or_all(refs: tuple[Ref, ...], tensors: dict[Ref, Any]) -> Any:
    found = [tensors[ref] for ref in refs]
    return found[0] if len(found) == 1 else found
