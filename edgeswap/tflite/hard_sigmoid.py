"""Hard-sigmoid in int8 as `relu6(x + 3) * (1/6)`, ADD and MUL: the sum gets six times the range of the product.

In between lies a tensor that no fake-quant stands for, so its range was what the converter saw in the samples that it
was given: where every other range is placed, in one. A gate saturated at whatever that sample reached.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import builtin_code, changed, indices, is_int8, view
from edgeswap.tflite.rewriting import Draft, rewrite_subgraphs

_OP = schema.BuiltinOperator
_RELU6 = schema.ActivationFunctionType.RELU6


def fit_hard_sigmoid(data: bytes) -> bytes:
    """The `.tflite` in which the product of a RELU6 and a constant loses nothing.

    Where an int8 ADD ends in RELU6 and a MUL by a positive constant alone reads it, the sum gets the zero point of the
    product, and its scale divided by the constant. The integers of both are then the same: the product neither rounds
    nor saturates, and the sum saturates where the product would.

    Returns:
        the changed file; `data` itself where it holds no such operators, or all are so already.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    return rewrite_subgraphs(data, _fit)


def _fit(draft: Draft, number: int) -> bool:
    subgraph = draft.subgraphs[number]
    written = {
        int(operator.outputs[0]): operator
        for operator in subgraph.operators
        if builtin_code(draft.codes[operator.opcodeIndex]) == _OP.ADD
        and operator.builtinOptions.fusedActivationFunction == _RELU6
    }
    readers = Counter(index for operator in subgraph.operators for index in indices(operator.inputs))
    readers.update(indices(subgraph.outputs))
    fitted = False
    for operator in subgraph.operators:
        if builtin_code(draft.codes[operator.opcodeIndex]) != _OP.MUL:
            continue
        for source, other in (indices(operator.inputs), indices(operator.inputs)[::-1]):
            if source in written and readers[source] == 1:
                fitted |= _fitted(draft, number, source, other, int(operator.outputs[0]))
    return fitted


def _fitted(draft: Draft, number: int, source: int, factor: int, product: int) -> bool:
    """Give `source` the range that `product` has for it; whether that changed it."""
    tensors = draft.subgraphs[number].tensors
    if not all(is_int8(tensors[index]) for index in (source, factor, product)):
        return False
    value = _value(draft, tensors[factor])
    if value is None or value <= 0:
        return False
    after = view(tensors[product])
    scale, zero_point = float(np.float32(after.scales[0] / value)), after.zero_points[0]
    before = view(tensors[source])
    if (before.scales[0], before.zero_points[0]) == (scale, zero_point):
        return False
    quantization = schema.QuantizationParametersT(scale=[scale], zeroPoint=[zero_point])
    tensors[source] = changed(tensors[source], quantization=quantization)
    return True


def _value(draft: Draft, tensor: Any) -> float | None:
    """The real number that an int8 constant of one element stands for; None for any other tensor."""
    data = draft.buffers[tensor.buffer].data
    if data is None or len(data) != 1:
        return None
    seen = view(tensor)
    return (int(np.asarray(data, np.uint8).view(np.int8)[0]) - seen.zero_points[0]) * seen.scales[0]
