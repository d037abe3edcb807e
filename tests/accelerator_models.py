"""Models for the tests of accelerators: chains of int8 operators, and what the Edge TPU compiler makes of one."""

from __future__ import annotations

import copy

from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import read, write
from tests.tflite_models import empty_model

SCALE, ZERO_POINT = 0.05, 3


def chain(*builtins: int) -> bytes:
    """int8 operators over 256 values of one quantization, one behind the other; each writes `net/layer<number>/Op`."""
    draft = empty_model()
    subgraph = draft.subgraphs[0]
    last = draft.int8_tensor(0, "image", (1, 256), SCALE, ZERO_POINT)
    subgraph.inputs = [last]
    for number, builtin in enumerate(builtins):
        following = draft.int8_tensor(0, f"net/layer{number}/Op", (1, 256), SCALE, ZERO_POINT)
        subgraph.operators.append(draft.operator(builtin, [last], following))
        last = following
    subgraph.outputs = [last]
    return write(draft.model)


def compiled(data: bytes, operator_count: int) -> bytes:
    """The chain with its first operators as one `edgetpu-custom-op`, as the Edge TPU compiler leaves it."""
    model = copy.deepcopy(read(data))
    subgraph = model.subgraphs[0]
    custom = schema.BuiltinOperator.CUSTOM
    code = schema.OperatorCodeT(builtinCode=custom, deprecatedBuiltinCode=custom, customCode="edgetpu-custom-op")
    model.operatorCodes = [*model.operatorCodes, code]
    piece = schema.OperatorT(opcodeIndex=len(model.operatorCodes) - 1)
    piece.inputs, piece.outputs = subgraph.inputs, subgraph.operators[operator_count - 1].outputs
    subgraph.operators = [piece, *subgraph.operators[operator_count:]]
    return write(model)
