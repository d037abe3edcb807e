"""A rescaling to another int8 range as what it is: one QUANTIZE from int8 to int8.

`quantization.decompose` writes a rescaling as a LeakyReLU of slope one, less the last bit of a float32, since the
converter keeps no fake-quant in front of a concat. Every runtime and the Edge TPU have QUANTIZE; the Edge TPU has no
LEAKY_RELU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import is_int8, operator_name
from edgeswap.tflite.rewriting import Draft, replace_operators

# A slope this near to 1 moves a value by less than a ten-thousandth of an int8 step.
_LOWEST_SLOPE = float(np.float32(1) - np.float32(2**-22))


def requantize(data: bytes) -> bytes:
    """The `.tflite` with every int8 LEAKY_RELU of slope 1 written as QUANTIZE.

    Both round the same real number to the nearest step, in fixed point: they differ by at most one step, where that
    number lies next to the middle between two.

    Returns:
        the rewritten file; `data` itself where it holds no such operator.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    return replace_operators(data, _quantize)


def _quantize(draft: Draft, number: int, operator: Any) -> list[Any] | None:
    if operator_name(draft.codes[operator.opcodeIndex]) != "LEAKY_RELU":
        return None
    source, target = int(operator.inputs[0]), int(operator.outputs[0])
    both_int8 = all(is_int8(draft.subgraphs[number].tensors[index]) for index in (source, target))
    if not both_int8 or not _LOWEST_SLOPE <= operator.builtinOptions.alpha <= 1.0:
        return None
    return [draft.operator(schema.BuiltinOperator.QUANTIZE, [source], target)]
