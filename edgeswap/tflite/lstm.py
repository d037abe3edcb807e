"""The int8 LSTM operator as its kernel computes it: scales that the converter calibrates apart, brought together.

The kernel (TFLite's 8x8_16 LSTM, in unidirectional_sequence_lstm.cc and lstm_eval.cc) writes the hidden state once and
copies it to the output and into the state of the next step, so all three must have one scale. Where a Concatenate gave
the output another, as behind a Bidirectional layer, every step read the one before wrongly. And it takes a cell state
in steps of 2^-15 or more; for finer ones, where all calibrated cell states are below 0.5, its tanh is left out.
"""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import builtin_code, changed, indices, view
from edgeswap.tflite.rewriting import Draft, rewrite_subgraphs

# Of UNIDIRECTIONAL_SEQUENCE_LSTM: places of its inputs and of its intermediates.
_PROJECTION, _OUTPUT_STATE, _CELL_STATE, _HIDDEN = 16, 18, 19, 4
FINEST_CELL_STEP = 2.0**-15


def mend_lstm(data: bytes) -> bytes:
    """The `.tflite` with each int8 LSTM's hidden state of its output's scale, and its cell state's of 2^-15 at least.

    Returns:
        the rewritten file; `data` itself where every LSTM has such scales.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    return rewrite_subgraphs(data, _mend)


def _mend(draft: Draft, number: int) -> bool:
    subgraph, found = draft.subgraphs[number], False
    for operator in subgraph.operators:
        if builtin_code(draft.codes[operator.opcodeIndex]) != schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM:
            continue
        for index, quantization in _wanted(subgraph, operator).items():
            subgraph.tensors[index] = changed(subgraph.tensors[index], quantization=quantization)
            found = True
    return found


def _wanted(subgraph: Any, operator: Any) -> dict[int, Any]:
    """By tensor the scale that it must have, where it has another."""
    inputs, inner = indices(operator.inputs), indices(operator.intermediates)
    output = subgraph.tensors[int(operator.outputs[0])]
    if view(output).dtype != "INT8" or len(inner) <= _HIDDEN or len(inputs) <= _CELL_STATE:
        return {}
    cell = view(subgraph.tensors[inputs[_CELL_STATE]])
    found: dict[int, Any] = {}
    if cell.dtype == "INT16" and cell.scales and cell.scales[0] < FINEST_CELL_STEP:
        found[inputs[_CELL_STATE]] = schema.QuantizationParametersT(scale=[FINEST_CELL_STEP], zeroPoint=[0])
    own = view(output)
    if inputs[_PROJECTION] == -1:  # a projection has a hidden state of its own
        for index in (inputs[_OUTPUT_STATE], inner[_HIDDEN]):
            held = view(subgraph.tensors[index])
            if (held.scales, held.zero_points) != (own.scales, own.zero_points):
                found[index] = output.quantization
    return found
