"""Bare operations between layers (`x + 3`, `keras.ops.mean`, `tf.concat`) to layers.

What a Keras layer computes exactly becomes that layer; every other operation becomes an `EdgeswapOperation`, which
calls it. Both frameworks' operations meet under one name here, such as `multiply`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgeswap.activations.catalog import Activation
from edgeswap.graph.ir import ACTIVATION, OPERATION, Graph, Layer, Node, Ref, map_refs

Converted = tuple[str, dict[str, Any], tuple[Any, ...]]  # class name, config, call arguments

_SYNONYMS = {
    "truediv": "divide", "true_divide": "divide", "reduce_mean": "mean", "concat": "concatenate", "leaky_relu": "",
    "hard_silu": "hard_swish", "silu": "swish", "sub": "subtract", "mul": "multiply", "gelu": "",
}  # fmt: skip
# Operations that compute the catalog's activation of that name with its default parameters.
_ACTIVATIONS = {"sigmoid", "tanh", "relu", "relu6", "softplus", "selu", "swish", "hard_swish", "mish"}


def operation_name(symbol: str) -> str:
    """One name for an operation of either framework: `Multiply`, `math.multiply` and `__operators__.mul` are one."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", symbol.rsplit(".", maxsplit=1)[-1]).lower()
    return _SYNONYMS.get(name, name)


def operations_as_layers(graph: Graph) -> Graph:
    """The same function with a layer in the place of every bare operation; names stay."""
    layers = dict(graph.layers)
    nodes: list[Node] = []
    for node in graph.nodes:
        layer = graph.layers[node.layer]
        if layer.class_name != OPERATION:
            nodes.append(node)
            continue
        class_name, config, args = _as_keras_layer(layer, node) or _as_operation_layer(layer, node)
        layers[layer.name] = replace(layer, class_name=class_name, config=config)
        nodes.append(replace(node, args=args, kwargs={}))
    return replace(graph, layers=layers, nodes=tuple(nodes))


def _as_keras_layer(layer: Layer, node: Node) -> Converted | None:
    name = layer.config["operation"]
    if name in _ACTIVATIONS and len(node.refs()) == 1 and node.args[1:] == ():
        return ACTIVATION, _activation_config(Activation(name)), node.args
    convert = _LAYERS.get(name)
    options = {**{k: v for k, v in layer.config["options"].items() if k != "name"}, **node.kwargs}
    return None if convert is None else convert(node.args, options)


def _activation_config(activation: Activation) -> dict[str, Any]:
    return {"kind": activation.kind, "parameters": dict(activation.parameters), "dtype": "float32"}


def _operands(args: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Both sides of a binary operation, which Keras 2 keeps partly among the keywords."""
    values = [*args, *(options[key] for key in ("x", "y") if key in options)]
    return (values[0], values[1]) if len(values) == 2 else None


def _arithmetic(merge: str | None, rescale: Callable[[float, bool], tuple[float, float] | None]) -> Any:
    """A merge layer for two tensors; for a tensor and a number a Rescaling, which is x * scale + offset."""

    def convert(args: tuple[Any, ...], options: Mapping[str, Any]) -> Converted | None:
        operands = _operands(args, options)
        if operands is None:
            return None
        first, second = operands
        if isinstance(first, Ref) and isinstance(second, Ref):
            return None if merge is None else (merge, {"dtype": "float32"}, ([first, second],))
        number, tensor = (second, first) if isinstance(first, Ref) else (first, second)
        if not isinstance(number, (int, float)) or not isinstance(tensor, Ref):
            return None
        affine = rescale(float(number), tensor is first)
        if affine is None:
            return None
        return "Rescaling", {"scale": affine[0], "offset": affine[1], "dtype": "float32"}, (tensor,)

    return convert


def _concatenate(args: tuple[Any, ...], options: Mapping[str, Any]) -> Converted | None:
    tensors, axis = args[0], options.get("axis", args[1] if len(args) > 1 else -1)
    plain = isinstance(tensors, (list, tuple)) and all(isinstance(tensor, Ref) for tensor in tensors)
    return ("Concatenate", {"axis": axis, "dtype": "float32"}, (list(tensors),)) if plain and axis != 0 else None


def _mean(args: tuple[Any, ...], options: Mapping[str, Any]) -> Converted | None:
    axis = options.get("axis", args[1] if len(args) > 1 else None)
    if not isinstance(axis, (list, tuple)) or sorted(axis) != [1, 2]:
        return None
    config = {"data_format": "channels_last", "keepdims": bool(options.get("keepdims")), "dtype": "float32"}
    return "GlobalAveragePooling2D", config, args[:1]


def _softmax(args: tuple[Any, ...], options: Mapping[str, Any]) -> Converted | None:
    return "Softmax", {"axis": options.get("axis", -1), "dtype": "float32"}, args[:1]


def _elu(args: tuple[Any, ...], options: Mapping[str, Any]) -> Converted | None:
    alpha = options.get("alpha", 1.0)
    plain = len(args) == 1 and isinstance(args[0], Ref) and isinstance(alpha, (int, float))
    return (ACTIVATION, _activation_config(Activation("elu", {"alpha": float(alpha)})), args) if plain else None


_LAYERS: Mapping[str, Callable[[tuple[Any, ...], Mapping[str, Any]], Converted | None]] = {
    "add": _arithmetic("Add", lambda number, _: (1.0, number)),
    "subtract": _arithmetic("Subtract", lambda number, first: (1.0, -number) if first else (-1.0, number)),
    "multiply": _arithmetic("Multiply", lambda number, _: (number, 0.0)),
    "divide": _arithmetic(None, lambda number, first: (1.0 / number, 0.0) if first and number else None),
    "concatenate": _concatenate,
    "mean": _mean,
    "softmax": _softmax,
    "elu": _elu,
}


def _as_operation_layer(layer: Layer, node: Node) -> Converted:
    """The operation itself behind a layer: its tensors are the layer's inputs, all else is its config."""
    refs = list(dict.fromkeys(node.refs()))

    def mark(ref: Ref) -> Any:
        return {"tensor": refs.index(ref)}

    args, kwargs = _plain(map_refs((node.args, node.kwargs), mark))
    config = {"source": layer.config["source"], "arguments": list(args), "keywords": kwargs, "dtype": "float32"}
    return OPERATION, config, (refs[0] if len(refs) == 1 else refs,)


def _plain(value: Any) -> Any:
    """Constants as JSON can hold them."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return value
