"""The weights of convolutions with one scale for a whole tensor, as some NPUs need them."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeswap.tflite.flatbuffer import TYPE_NAMES, changed, operator_name
from edgeswap.tflite.rewriting import Draft, rewrite_subgraphs

# Operator to the place of its weights and of its bias among its inputs.
_CONVOLUTIONS = {"CONV_2D": (1, 2), "DEPTHWISE_CONV_2D": (1, 2), "TRANSPOSE_CONV": (1, 3)}


def with_one_scale(data: bytes) -> bytes:
    """The `.tflite` with one scale for the weights of each convolution: the greatest of its channels' scales.

    Weights that were rounded to one scale before, as a fake-quant of the whole tensor does, come out as they were: a
    channel's own scale is at most that one, so it moves no weight by more than half a step. The converter's own switch
    would take the scales of dense layers away too.

    Returns:
        the rewritten file; `data` itself where every convolution has one scale.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    return rewrite_subgraphs(data, _change)


def _change(draft: Draft, number: int) -> bool:
    subgraph = draft.subgraphs[number]
    done = False
    for operator in subgraph.operators:
        places = _CONVOLUTIONS.get(operator_name(draft.codes[operator.opcodeIndex]))
        if places is None:
            continue
        kernel = int(operator.inputs[places[0]])
        tensor = subgraph.tensors[kernel]
        if TYPE_NAMES[tensor.type] != "INT8" or len(tensor.quantization.scale) < 2:
            continue
        scales = np.asarray(tensor.quantization.scale, np.float64)
        one = scales.max()
        axis = tensor.quantization.quantizedDimension
        shape = [-1 if index == axis else 1 for index in range(len(tensor.shape))]
        values = np.asarray(draft.buffers[tensor.buffer].data, np.uint8).view(np.int8).reshape(tensor.shape)
        rounded = _rounded(values, (scales / one).reshape(shape)).astype(np.int8)
        subgraph.tensors[kernel] = _constant(draft, tensor, rounded, one)
        bias = int(operator.inputs[places[1]]) if len(operator.inputs) > places[1] else -1
        if bias != -1:
            added = subgraph.tensors[bias]
            steps = np.asarray(added.quantization.scale, np.float64)
            offsets = np.asarray(draft.buffers[added.buffer].data, np.uint8).view(np.int32)
            moved = _rounded(offsets, scales / one).astype(np.int32)
            subgraph.tensors[bias] = _constant(draft, added, moved, (steps / scales).max() * one)
        done = True
    return done


def _rounded(values: Any, ratios: Any) -> Any:
    return np.rint(values.astype(np.float64) * ratios)


def _constant(draft: Draft, tensor: Any, values: Any, scale: float) -> Any:
    """The tensor with new values and one scale; others that share its buffer keep theirs."""
    draft.buffers.append(changed(draft.buffers[tensor.buffer], data=values.view(np.uint8).ravel()))
    quantization = changed(tensor.quantization, scale=[float(np.float32(scale))], zeroPoint=[0], quantizedDimension=0)
    return changed(tensor, buffer=len(draft.buffers) - 1, quantization=quantization)
