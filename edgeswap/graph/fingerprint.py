"""What a model without a file is known by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from edgeswap.graph.ir import Graph, Layer, Ref


def fingerprint(graph: Graph) -> str:
    """SHA-256, in hexadecimal, over all that a model is.

    That is: classes, configs, flags and weights of its layers (shape, dtype, bytes), the calls that connect them, and
    inputs and outputs in order. Models that differ in one activation or one connection differ.
    """
    digest = hashlib.sha256()

    def add(value: Any) -> None:
        digest.update(value if isinstance(value, bytes) else _text(value).encode())
        digest.update(b"\0")

    for layer in graph.layers.values():
        add([layer.name, layer.class_name, layer.trainable, layer.config, layer.python_class])
        add(None if layer.submodel is None else fingerprint(layer.submodel))
        for array in layer.weights:
            add([array.shape, str(array.dtype)])
            add(array.tobytes())
    for node in graph.nodes:
        add([node.name, node.layer, node.args, node.kwargs])
    add([graph.inputs, graph.outputs])
    return digest.hexdigest()


def _text(value: Any) -> str:  # noqa: PLR0911  (one for each type)
    """A value as text that is the same in every process, and another for another value."""
    match value:
        case Ref():
            return f"Ref({value.node!r}, {value.index})"
        case Layer():
            weights = [[array.shape, str(array.dtype), array.tobytes().hex()] for array in value.weights]
            return _text([value.class_name, value.config, weights])
        case Mapping():
            return "{" + ", ".join(sorted(f"{key!r}: {_text(inner)}" for key, inner in value.items())) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_text, value)) + "]"
        case np.ndarray() | np.generic():
            return f"{value.dtype}{value.shape}{value.tolist()!r}"
        case type():
            return f"{value.__module__}.{value.__qualname__}"
        case partial():
            return _text([value.func, value.args, value.keywords])
        case _ if callable(value):
            return _function(value)
    return repr(value)


def _function(function: Callable[..., Any]) -> str:
    """A function of Python by its name, its code and what it closes over."""
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__qualname__)}"
    code = getattr(function, "__code__", None)
    if code is None:
        return name
    constants = [constant for constant in code.co_consts if not hasattr(constant, "co_code")]
    closed = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    plain = [value for value in closed if isinstance(value, (str, bytes, int, float, bool, list, tuple, type(None)))]
    return f"{name} {code.co_code.hex()} {constants!r} {code.co_names!r} {plain!r}"
