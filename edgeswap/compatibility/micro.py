"""Which operators TensorFlow Lite for Microcontrollers has, and which of them in int8.

From `micro_mutable_op_resolver.h` and the kernels of tflite-micro at commit 90b983c of August 2026; a test holds the
table against the interpreter that is on PyPI.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgeswap.compatibility.findings import Remark
from edgeswap.tflite.operator import Operation

BASIS = "the operators of tflite-micro, August 2026"

# Its methods are named by the operator, word by word; these are the others.
_OWN_NAMES = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}
_OPERATORS = (
    "ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS "
    "BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE "
    "DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD "
    "FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS "
    "LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM "
    "MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU "
    "RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX "
    "SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF "
    "TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE"
)
# Operator to the method of `MicroMutableOpResolver` that adds its kernel.
RESOLVERS: Mapping[str, str] = {
    name: _OWN_NAMES.get(name, "Add" + "".join(word.title() for word in name.split("_"))) for name in _OPERATORS.split()
}
FLOAT_ONLY = frozenset({
    "CEIL", "COS", "EXP", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "L2_POOL_2D", "LOG", "ROUND", "SIN", "SQRT", "SQUARE",
})  # fmt: skip
_INSTEAD = {
    "GELU": "Swap it for hard_swish or swish, whose operators are there.",
    "RELU_N1_TO_1": "Swap it for tanh or relu6.",
    "RELU_0_TO_1": "Swap it for relu6.",
    "POW": "Write a square as a product.",
}
OTHERWISE = "Write that part with other layers, or compute it in the app."


def judge(operation: Operation) -> Remark | None:
    """What is to be said against running `operation` on a microcontroller; None if nothing is.

    There is nothing else there that could run it: an operator that is missing takes the whole model along.
    """
    name = operation.name
    if name in RESOLVERS and name not in FLOAT_ONLY:
        return None
    has = "has it in float only" if name in RESOLVERS else "does not have it"
    why = f"TensorFlow Lite for Microcontrollers {has}."
    return Remark("blocks", why, _INSTEAD.get(name, ""), BASIS, "model")
