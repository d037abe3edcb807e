"""Float islands around operators that only move values, written by hand as the converter writes them."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tflite_models import BUILTIN, EVERY_INT8, PLAIN, XNNPACK, empty_model, island, run

from edgeswap.tflite.flatbuffer import operators, read, write
from edgeswap.tflite.full_integer import verify
from edgeswap.tflite.moves import fold_moves

SCALE, OTHER = (0.05, 3), (0.1, -7)


def split(*targets: tuple[float, int] | None, reader: int = BUILTIN.QUANTIZE) -> bytes:
    """x -> DEQUANTIZE -> SPLIT -> QUANTIZE of each part but those that are None -> CONCATENATION."""
    draft = empty_model()
    subgraph = draft.subgraphs[0]

    def float_tensor(name: str, width: int) -> int:
        subgraph.tensors.append(schema.TensorT(shape=[1, width], buffer=0, name=name, type=schema.TensorType.FLOAT32))
        return len(subgraph.tensors) - 1

    width = 256 // len(targets)
    x = draft.int8_tensor(0, "x", (1, 256), *SCALE)
    draft.buffers.append(schema.BufferT(data=np.array([1], np.int32).view(np.uint8)))
    axis = schema.TensorT(shape=[], buffer=len(draft.buffers) - 1, name="axis", type=schema.TensorType.INT32)
    subgraph.tensors.append(axis)
    axis_index = len(subgraph.tensors) - 1
    dequantized = float_tensor("tfl.dequantize", 256)
    parts = [float_tensor(f"lstm/split{index}", width) for index in range(len(targets))]
    subgraph.operators.append(draft.operator(BUILTIN.DEQUANTIZE, [x], dequantized, 2))
    options = schema.SplitOptionsT(numSplits=len(targets))
    node = draft.operator(BUILTIN.SPLIT, [axis_index, dequantized], parts[0], 1, options)
    node.outputs = parts
    subgraph.operators.append(node)
    quantized = []
    for index, target in enumerate(targets):
        if target is None:
            continue
        y = draft.int8_tensor(0, f"part{index}", (1, width), *target)
        if reader == BUILTIN.QUANTIZE:
            subgraph.operators.append(draft.operator(BUILTIN.QUANTIZE, [parts[index]], y))
        else:
            between = float_tensor("computed", width)
            subgraph.operators.append(draft.operator(reader, [parts[index]], between))
            subgraph.operators.append(draft.operator(BUILTIN.QUANTIZE, [between], y))
        quantized.append(y)
    last = draft.int8_tensor(0, "y", (1, width * len(quantized)), *targets[-1])
    together = schema.ConcatenationOptionsT(axis=1)
    subgraph.operators.append(draft.operator(BUILTIN.CONCATENATION, quantized, last, 2, together))
    subgraph.inputs, subgraph.outputs = [x], [last]
    return write(draft.model)


@pytest.mark.parametrize("resolver", [XNNPACK, PLAIN])
def test_a_split_of_which_one_part_is_not_used_becomes_int8_to_the_last_bit(resolver: object) -> None:
    before = split(SCALE, None, SCALE, SCALE)
    after = fold_moves(before)
    assert not verify(before).is_full_integer
    assert verify(after).is_full_integer
    assert operators(read(after)) == {"SPLIT": 1, "CONCATENATION": 1}
    np.testing.assert_array_equal(run(after, EVERY_INT8, resolver), run(before, EVERY_INT8, resolver))


def test_where_the_scales_differ_one_requantization_is_left() -> None:
    before = split(OTHER, OTHER)
    after = fold_moves(before)
    assert operators(read(after)) == {"SPLIT": 1, "QUANTIZE": 2, "CONCATENATION": 1}
    assert verify(after).is_full_integer
    apart = run(after, EVERY_INT8, PLAIN).astype(int) - run(before, EVERY_INT8, PLAIN)
    assert np.abs(apart).max() <= 1  # a value in the middle between two steps may go to either


def test_moves_in_a_row_go_together() -> None:
    after = fold_moves(island(SCALE, SCALE, (BUILTIN.RESHAPE, None), (BUILTIN.RESHAPE, None)))
    assert verify(after).is_full_integer
    graph = read(after).subgraphs[0]
    written = {int(index) for operator in graph.operators for index in operator.outputs}
    assert written >= {int(index) for index in graph.outputs}  # an end keeps its QUANTIZE
    assert [name for name in operators(read(after)) if name != "QUANTIZE"] == ["RESHAPE"]


def test_what_something_else_reads_stays_as_it_is() -> None:
    for data in (split(SCALE, SCALE, reader=BUILTIN.COS), island(SCALE, SCALE, (BUILTIN.COS, None))):
        assert fold_moves(data) is data


def test_what_is_an_end_of_the_graph_stays_as_it_is() -> None:
    model = read(split(SCALE, SCALE))
    graph = model.subgraphs[0]
    parts = next(operator.outputs for operator in graph.operators if len(operator.outputs) == 2)
    graph.outputs = [*graph.outputs, int(parts[1])]
    data = write(model)
    assert fold_moves(data) is data


def test_a_move_that_nobody_reads_stays_as_it_is() -> None:
    model = read(split(SCALE))
    graph = model.subgraphs[0]
    graph.operators = graph.operators[:2]  # DEQUANTIZE and a SPLIT whose one part goes nowhere
    graph.outputs = graph.inputs
    data = write(model)
    assert fold_moves(data) is data
