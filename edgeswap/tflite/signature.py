"""What a `.tflite` takes and gives as a task sees it: shapes, names, and the operator that ends each output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edgeswap.tasks.outputs import Head, ModelOutput, Signature
from edgeswap.tflite.flatbuffer import operator_name, read, tensors
from edgeswap.tflite.interface import interface, signature_names

# They hand on the same values.
SAME_VALUES = frozenset({"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE"})
HEADS: dict[str, Head] = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}


def signature(data: bytes) -> Signature:
    """The signature of the `.tflite` that `data` holds.

    Raises:
        ModelError: it is no TFLite file that can be read.
    """
    model = read(data)
    known, graph = tensors(model), model.subgraphs[0]
    named = signature_names(model, "outputs")
    indices = [int(index) for index in graph.outputs]
    names = [named.get(index) or known[index].name for index in indices]
    return Signature(
        interface(data).inputs,
        tuple(
            ModelOutput(name, known[index].shape[1:], _head(model, index), also)
            for index, (name, also) in zip(indices, _as_the_layers(names), strict=True)
        ),
    )


def _as_the_layers(names: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Each output as the author's layer is called, and its other names.

    An export writes the activation of a layer `kind` as a layer of its own, `kind_activation` (`graph.canonicalize`).
    """
    layers = [re.sub(r"(?<=.)_activation_*$", "", name) for name in names]
    return [
        (layer, (name,)) if layer != name and layer not in names and layers.count(layer) == 1 else (name, ())
        for layer, name in zip(layers, names, strict=True)
    ]


def maker(model: Any, tensor: int, through: frozenset[str] = SAME_VALUES) -> str | None:
    """The operator that makes the values of a tensor of the first subgraph; None where none does.

    Args:
        model: a `ModelT`, as `flatbuffer.read` gives it.
        tensor: its index.
        through: operators that only hand values on.
    """
    makers = {int(output): operator for operator in model.subgraphs[0].operators for output in operator.outputs}
    while (found := makers.get(tensor)) is not None:
        name = operator_name(model.operatorCodes[found.opcodeIndex])
        if name not in through:
            return name
        if not len(found.inputs):
            return None
        tensor = int(found.inputs[0])
    return None


def _head(model: Any, tensor: int) -> Head:
    return HEADS.get(maker(model, tensor) or "", "linear")
