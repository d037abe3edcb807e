"""Does a `.tflite` hand something on from one run to the next?"""

from __future__ import annotations

from typing import Any

from edgeswap.tflite.flatbuffer import operator_name


def keeps_state(model: Any) -> bool:
    """Whether a `ModelT` has tensors or resources that outlive a run, such as the state of an LSTM.

    An interpreter resets them only when it is told to; else the second sample gives other outputs than it would alone.
    """
    return any(tensor.isVariable for subgraph in model.subgraphs for tensor in subgraph.tensors) or any(
        operator_name(code) == "VAR_HANDLE" for code in model.operatorCodes
    )
