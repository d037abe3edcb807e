"""What the numbers of a `.tflite` are, in the words that converters and runtimes use."""

from __future__ import annotations

from typing import Any, Literal

from edgeswap.tflite.calls import calls
from edgeswap.tflite.flatbuffer import tensors

Kind = Literal[
    "float32",
    "float16",
    "dynamic range",
    "int8",
    "int8 with uint8 ends",
    "int8 with float32 ends",
    "int8 in part",
    "int16x8",
    "uint8",
]
BORDERS = frozenset({"QUANTIZE", "DEQUANTIZE"})
IN_FLOAT: tuple[Kind, ...] = ("float32", "float16", "dynamic range")  # all of it is computed in float
_WEIGHTS = frozenset({"INT8", "UINT8", "INT4", "UINT4", "INT2"})


def kind_of(model: Any) -> Kind:
    """The kind of a `ModelT`, by what its operators compute on, its weights and its ends.

    Returns:
        `float16` for weights of float16, which are computed in float32; `dynamic range` for weights of 8 bits or less
        and float activations; `int8 in part` where some operators compute on integers and others on float.
    """
    found = calls(model)
    written = {dtype for call in found for dtype in call.dtypes}
    if any(call.float_tensors for call in found if call.operation.name not in BORDERS):
        return "int8 in part" if written & {"INT8", "UINT8", "INT16"} else _kind_in_float(model)
    if "INT8" not in written and written & {"INT16", "UINT8"}:
        return "int16x8" if "INT16" in written else "uint8"
    graph, known = model.subgraphs[0], tensors(model)
    ends = {known[int(index)].dtype for index in (*graph.inputs, *graph.outputs)}
    if "FLOAT32" in ends:
        return "int8 with float32 ends"
    return "int8 with uint8 ends" if "UINT8" in ends else "int8"


def _kind_in_float(model: Any) -> Kind:
    constants = {
        known.dtype
        for number, subgraph in enumerate(model.subgraphs)
        for known, tensor in zip(tensors(model, number), subgraph.tensors, strict=True)
        if (content := model.buffers[tensor.buffer].data) is not None and len(content)
    }
    if constants & _WEIGHTS:
        return "dynamic range"
    return "float16" if "FLOAT16" in constants else "float32"
