"""Bare operations between layers (`x + 3`, `keras.ops.mean`, `tf.concat`) to layers.

What a Keras layer computes exactly becomes that layer; every other operation becomes an `EdgeswapOperation`, which
calls it. Both frameworks' operations meet under one name here, such as `multiply`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgeswap.activations.catalog import Activation
from edgeswap.errors import ConfigError
from edgeswap.graph.ir import ACTIVATION, OPERATION, Graph, Layer, Node, Ref, map_refs

Converted = tuple[str, dict[str, Any], tuple[Any, ...]]  # class name, config, call arguments

_SYNONYMS = {
    "truediv": "divide", "true_divide": "divide", "reduce_mean": "mean", "concat": "concatenate", "leaky_relu": "",
    "hard_silu": "hard_swish", "silu": "swish", "sub": "subtract", "mul": "multiply", "gelu": "",
}  # fmt: skip
# Modules below `tf` in which a function is what its bare name says; `tf.sparse.add` and `tf.strings.split` are not.
_PLAIN_MODULE = re.compile(r"(compat\.v[12]\.)?((math|nn|linalg|__operators__)\.)?")


def operation_name(symbol: str) -> str:
    """One name for an operation of either framework: `Multiply`, `math.multiply` and `__operators__.mul` are one.

    A function of a module of its own, such as `sparse.add`, keeps the module.
    """
    module, bare = _PLAIN_MODULE.match(symbol), symbol.rsplit(".", maxsplit=1)[-1]
    if module is None or symbol[module.end() :] != bare:
        return symbol
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", bare).lower()
    return _SYNONYMS.get(name, name)


def operation_of(layer: Layer) -> str:
    """That name for an `EdgeswapOperation` of a canonical graph; empty for a function of Python."""
    source = layer.config["source"]
    return operation_name(source.get("class_name") or source.get("tensorflow") or "")


def operations_as_layers(graph: Graph) -> Graph:
    """The same function with a layer in the place of every bare operation; names stay."""
    layers = dict(graph.layers)
    nodes: list[Node] = []
    for node in graph.nodes:
        layer = graph.layers[node.layer]
        if layer.class_name != OPERATION:
            nodes.append(node)
            continue
        class_name, config, args = _as_keras_layer(graph, layer, node) or _as_operation_layer(layer, node)
        layers[layer.name] = replace(layer, class_name=class_name, config=config)
        nodes.append(replace(node, args=args, kwargs={}))
    return replace(graph, layers=layers, nodes=tuple(nodes))


@dataclass(frozen=True)
class _Called:
    """What an operation is called with, by the names of its parameters; what is None or left out is at its default."""

    given: Mapping[str, Any]
    rank: Callable[[Any], int | None]  # of a tensor, batch included


def _as_keras_layer(graph: Graph, layer: Layer, node: Node) -> Converted | None:
    """The layer that computes exactly this; None where there is none, or an argument is unknown here."""
    found = _LAYERS.get(layer.config["operation"])
    if found is None:
        return None
    parameters, convert = found
    given = _by_name(node, layer.config["options"], parameters)

    def rank(value: Any) -> int | None:
        shape = graph.shape(value) if isinstance(value, Ref) else None
        return None if shape is None else len(shape)

    return None if given is None else convert(_Called(given, rank))


def _by_name(node: Node, options: Mapping[str, Any], parameters: Sequence[str]) -> dict[str, Any] | None:
    """Arguments by name; None where one has no name here. Keras 2 keeps some by position and some by keyword."""
    if len(node.args) > len(parameters):
        return None
    named = {key: value for key, value in {**options, **node.kwargs}.items() if key != "name" and value is not None}
    named = {_SAME_PARAMETER.get(key, key): value for key, value in named.items()}
    given = dict(zip((name for name in parameters if name not in named), node.args, strict=False))
    return {**given, **named} if set(named) <= set(parameters) else None


# What the frameworks call the same parameter otherwise.
_SAME_PARAMETER = {
    **dict.fromkeys(("features", "logits", "input_tensor", "input"), "x"),
    "x1": "x",
    "x2": "y",
    "xs": "values",
}


def _activation(kind: str, **parameters: str) -> Callable[[_Called], Converted | None]:
    """An activation of the catalog; `parameters` are its own and what the operation calls them."""

    def convert(called: _Called) -> Converted | None:
        tensor = called.given.get("x")
        values = {own: called.given[name] for own, name in parameters.items() if name in called.given}
        if not isinstance(tensor, Ref):
            return None
        try:
            activation = Activation(kind, values)
        except ConfigError:  # a tensor, or a value that the catalog does not have
            return None
        config = {"kind": activation.kind, "parameters": dict(activation.parameters), "dtype": "float32"}
        return ACTIVATION, config, (tensor,)

    return convert


def _arithmetic(merge: str | None, rescale: Callable[[float, bool], tuple[float, float] | None]) -> Any:
    """A merge layer for two tensors; for a tensor and a number a Rescaling, which is x * scale + offset."""

    def convert(called: _Called) -> Converted | None:
        first, second = called.given.get("x"), called.given.get("y")
        if isinstance(first, Ref) and isinstance(second, Ref):
            # Of two ranks Keras's merge layers take the shorter shape for the first axes, operations for the last.
            alike = called.rank(first) == called.rank(second) is not None
            return (merge, {"dtype": "float32"}, ([first, second],)) if merge and alike else None
        number, tensor = (second, first) if isinstance(first, Ref) else (first, second)
        if not isinstance(number, (int, float)) or not isinstance(tensor, Ref):
            return None
        affine = rescale(float(number), tensor is first)
        if affine is None:
            return None
        return "Rescaling", {"scale": affine[0], "offset": affine[1], "dtype": "float32"}, (tensor,)

    return convert


def _concatenate(called: _Called) -> Converted | None:
    tensors, axis = called.given.get("values"), called.given.get("axis", -1)
    plain = isinstance(tensors, (list, tuple)) and all(isinstance(tensor, Ref) for tensor in tensors)
    if not plain or not tensors or not isinstance(axis, int) or axis == 0:
        return None
    if axis < -1 and (rank := called.rank(tensors[0])) is not None:
        axis += rank
    return ("Concatenate", {"axis": axis, "dtype": "float32"}, (list(tensors),)) if axis >= -1 and axis else None


def _mean(called: _Called) -> Converted | None:
    tensor, axis = called.given.get("x"), called.given.get("axis")
    if called.rank(tensor) != 4 or not isinstance(axis, (list, tuple)) or not all(isinstance(a, int) for a in axis):
        return None
    if sorted(a % 4 for a in axis) != [1, 2]:
        return None
    config = {"data_format": "channels_last", "keepdims": bool(called.given.get("keepdims")), "dtype": "float32"}
    return "GlobalAveragePooling2D", config, (tensor,)


def _softmax(called: _Called) -> Converted | None:
    tensor, axis = called.given.get("x"), called.given.get("axis", -1)
    if not isinstance(tensor, Ref) or not isinstance(axis, int):
        return None
    return "Softmax", {"axis": axis, "dtype": "float32"}, (tensor,)


Convert = Callable[[_Called], Converted | None]
_BINARY, _UNARY = ("x", "y"), ("x",)
# Operation to the names of its parameters, in their order, and what makes a layer of it.
_LAYERS: Mapping[str, tuple[Sequence[str], Convert]] = {
    "add": (_BINARY, _arithmetic("Add", lambda number, _: (1.0, number))),
    "subtract": (
        _BINARY,
        _arithmetic("Subtract", lambda number, first: (1.0, -number) if first else (-1.0, number)),
    ),
    "multiply": (_BINARY, _arithmetic("Multiply", lambda number, _: (number, 0.0))),
    "divide": (_BINARY, _arithmetic(None, lambda number, first: (1.0 / number, 0.0) if first and number else None)),
    "concatenate": (("values", "axis"), _concatenate),
    "mean": (("x", "axis", "keepdims"), _mean),
    "softmax": (("x", "axis"), _softmax),
    "elu": (("x", "alpha"), _activation("elu", alpha="alpha")),
    "swish": (("x", "beta"), _activation("swish", beta="beta")),
    **{
        kind: (_UNARY, _activation(kind))
        for kind in ("sigmoid", "tanh", "relu", "relu6", "softplus", "selu", "hard_swish", "mish")
    },
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
