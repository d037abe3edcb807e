"""A small file may unpack to millions of tables: it is refused before it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeswap.compatibility.tflite_findings import check
from edgeswap.errors import ModelError
from edgeswap.tflite import extent
from edgeswap.tflite.flatbuffer import read
from tests import tiny_tflite
from tests.tiny_tflite import Spec, classifier


def shared(*, subgraphs: int = 1, operators: int = 1, inputs: int = 1, tensors: int = 1, name: str = "t") -> bytes:
    """A file whose vectors lead to one and the same table again and again."""
    builder = flatbuffers.Builder(1 << 16)

    def vector(start: Callable[..., Any], found: Sequence[int], prepend: Callable[[int], None]) -> Any:
        start(builder, len(found))
        for one in found:
            prepend(one)
        return builder.EndVector()

    def tables(start: Callable[..., Any], table: Any, count: int) -> Any:
        return vector(start, [table] * count, builder.PrependUOffsetTRelative)

    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, [1], 0
    own = tables(schema.SubGraphStartTensorsVector, tensor.Pack(builder), tensors)
    reads = vector(schema.OperatorStartInputsVector, [0] * inputs, builder.PrependInt32)
    schema.OperatorStart(builder)
    schema.OperatorAddInputs(builder, reads)
    calls = tables(schema.SubGraphStartOperatorsVector, schema.OperatorEnd(builder), operators)
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, own)
    schema.SubGraphAddOperators(builder, calls)
    graphs = tables(schema.ModelStartSubgraphsVector, schema.SubGraphEnd(builder), subgraphs)
    codes = tables(schema.ModelStartOperatorCodesVector, schema.OperatorCodeT().Pack(builder), 1)
    buffers = tables(schema.ModelStartBuffersVector, schema.BufferT().Pack(builder), 1)
    schema.ModelStart(builder)
    schema.ModelAddOperatorCodes(builder, codes)
    schema.ModelAddSubgraphs(builder, graphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    "counts",
    [
        {"subgraphs": 1000, "operators": 1000},
        {"subgraphs": 1000, "tensors": 1000},
        {"operators": 1000, "inputs": 1000},
        {"tensors": 1000, "name": "n" * 10_000},
    ],
)
def test_what_stands_in_many_places_is_counted_in_each(counts: dict[str, Any]) -> None:
    content = shared(**counts)
    assert len(content) < 20_000
    started = time.monotonic()
    with pytest.raises(ModelError, match="more than such a file holds"):
        read(content)
    assert time.monotonic() - started < 5  # unpacked, they are a million each


def test_a_file_of_tables_of_their_own_is_within_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(read(shared()).subgraphs) == 1
    content = classifier(tmp_path / "m.tflite", np.ones((2, 4)), (4,)).read_bytes()
    extent.require_bounded(content)
    monkeypatch.setattr(extent, "MOST_TABLES", 5)
    with pytest.raises(ModelError, match="tables"):
        read(content)


def dense(path: Path, operands: tuple[int, ...], weights: Any) -> bytes:
    tensors = [
        Spec("x", (1, 4), "int8", 1.0),
        Spec("w", (2, 4), "int8", 1.0, values=weights),
        Spec("y", (1, 2), "int8", 1.0),
    ]
    options = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    operator = (schema.BuiltinOperator.FULLY_CONNECTED, 4, *options, operands)
    return tiny_tflite.write(path, tensors, operator, (0,), (2,)).read_bytes()


@pytest.mark.parametrize(
    ("operands", "values", "said"),
    [
        ((0,), 8, "FULLY_CONNECTED without all of its inputs"),
        ((0, -1), 8, "FULLY_CONNECTED without all of its inputs"),
        ((0, 1), 7, "a constant of 7 bytes where its type and shape take 8"),
    ],
)
def test_what_a_check_would_look_for_must_be_there(
    tmp_path: Path, operands: tuple[int, ...], values: int, said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        read(dense(tmp_path / "m.tflite", operands, np.ones(values, np.int8)))


@pytest.mark.parametrize(("dtype", "count"), [("float32", 3), ("int8", 3), ("int32", 3)])
def test_the_numbers_of_an_operator_may_be_of_any_type(tmp_path: Path, dtype: str, count: int) -> None:
    from edgeswap.targets.names import backend_of

    tensors = [
        Spec("x", (1, 4), "int8", 1.0),
        Spec("axes", (count,), dtype, values=np.ones(count, dtype)),
        Spec("y", (1, 1), "int8", 1.0),
    ]
    for code in (schema.BuiltinOperator.MEAN, schema.BuiltinOperator.PAD, schema.BuiltinOperator.STRIDED_SLICE):
        operator = (code, 2, schema.BuiltinOptions.ReducerOptions, schema.ReducerOptionsT(), (0, 1))
        content = tiny_tflite.write(tmp_path / "m.tflite", tensors, operator, (0,), (2,)).read_bytes()
        for name in ("host", "coral"):
            assert check(content, backend_of(name)).operators
