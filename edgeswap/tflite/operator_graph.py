"""The operators of a `.tflite` in order, each with what it writes and which operators it reads from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from edgeswap.tflite.calls import NOTHING_KNOWN
from edgeswap.tflite.flatbuffer import operator_name, read, tensors
from edgeswap.tflite.full_integer import layer_in

FLOATS = frozenset({"FLOAT32", "FLOAT16", "FLOAT64"})


class OperatorNode(NamedTuple):
    """One operator of the first subgraph.

    Attributes:
        operator: its name in TFLite.
        layer: the Keras layer in the tensor's name, else the tensor's name.
        tensor: name of the first tensor that it writes, or where it writes none, reads.
        shape: of that tensor.
        dtype: of that tensor, in small letters.
        is_float: whether that tensor holds floats.
        reads: numbers of the operators, from 0, that write what it reads.
    """

    operator: str
    layer: str
    tensor: str
    shape: tuple[int, ...]
    dtype: str
    is_float: bool
    reads: tuple[int, ...]


def operator_graph(data: bytes, layers: Mapping[str, str] = NOTHING_KNOWN) -> list[OperatorNode]:
    """The operators in the order in which they run.

    Args:
        data: a `.tflite`.
        layers: name of a layer in the network that was converted to the one that the user gave it; empty where that
            network is not known.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    model = read(data)
    known, graph = tensors(model), model.subgraphs[0]
    made_by: dict[int, int] = {}
    found: list[OperatorNode] = []
    for operator in graph.operators:
        written = [int(index) for index in operator.outputs if index >= 0]
        given = [int(index) for index in operator.inputs if index >= 0]
        reads = {made_by[index] for index in given if index in made_by}
        if not written and not given:
            continue  # CALL_ONCE
        made_by |= dict.fromkeys(written, len(found))
        first = known[(written or given)[0]]  # ASSIGN_VARIABLE writes no tensor, only a state
        found.append(
            OperatorNode(
                operator_name(model.operatorCodes[operator.opcodeIndex]),
                layer_in([first.name], layers) or first.name,
                first.name,
                first.shape,
                first.dtype.lower(),
                first.dtype in FLOATS,
                tuple(sorted(reads)),
            )
        )
    return found
