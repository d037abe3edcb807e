"""What a `.tflite` takes and gives as a task sees it: shapes, names, and the operator that ends each output."""

from __future__ import annotations

from typing import Any

from edgeswap.tasks.outputs import Head, ModelOutput, Signature
from edgeswap.tflite.flatbuffer import operator_name, read, tensors, text
from edgeswap.tflite.interface import interface

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
    named = {
        int(entry.tensorIndex): text(entry.name)
        for own in model.signatureDefs or ()
        if not own.subgraphIndex
        for entry in own.outputs or ()
    }
    makers = {int(output): operator for operator in graph.operators for output in operator.outputs}
    return Signature(
        interface(data).inputs,
        tuple(
            ModelOutput(named.get(index) or known[index].name, known[index].shape[1:], _head(model, makers, index))
            for index in map(int, graph.outputs)
        ),
    )


def _head(model: Any, makers: dict[int, Any], tensor: int) -> Head:
    while (maker := makers.get(tensor)) is not None:
        name = operator_name(model.operatorCodes[maker.opcodeIndex])
        if name not in SAME_VALUES:
            return HEADS.get(name, "linear")
        tensor = int(maker.inputs[0])
    return "linear"
