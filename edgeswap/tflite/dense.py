"""The weights of dense operators: one scale for each unit is what runtimes of TFLite 2.9 and before cannot compute."""

from __future__ import annotations

from typing import Any

from edgeswap.tflite.flatbuffer import Tensor, operator_name, tensors


def dense_weights(model: Any) -> tuple[Tensor, ...]:
    """The weights of every FULLY_CONNECTED of a `ModelT`, in order; with more than one scale they are per-channel."""
    return tuple(
        tensors(model, number)[int(operator.inputs[1])]
        for number, subgraph in enumerate(model.subgraphs)
        for operator in subgraph.operators
        if operator_name(model.operatorCodes[operator.opcodeIndex]) == "FULLY_CONNECTED"
    )
