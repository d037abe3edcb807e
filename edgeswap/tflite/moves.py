"""Operators that only move values, in int8: a float island around one becomes the operator itself between int8 tensors.

Where an output of a SPLIT is not used, as that of a forget gate in the first step of an unrolled LSTM, the converter's
calibration sees no range for it and writes `DEQUANTIZE -> SPLIT -> QUANTIZE`. What only moves values keeps their scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import builtin_code, changed, is_int8, view
from edgeswap.tflite.rewriting import Draft, rewrite_subgraphs

_OP = schema.BuiltinOperator
# By operator: which input holds the values, and the version that takes int8 (TFLite's versioning/op_version.cc).
_MOVES: Mapping[int, tuple[int, int]] = {
    _OP.SPLIT: (1, 2),
    _OP.SPLIT_V: (0, 2),
    _OP.UNPACK: (0, 2),
    _OP.RESHAPE: (0, 1),
    _OP.TRANSPOSE: (0, 2),
    _OP.SLICE: (0, 2),
    _OP.STRIDED_SLICE: (0, 2),
}


def fold_moves(data: bytes) -> bytes:
    """The `.tflite` with every such operator between DEQUANTIZE and QUANTIZE in int8, with the scale of what it reads.

    Several in a row go together. Behind them a QUANTIZE from int8 to int8 is left where the scales differ, and nothing
    where they are the same; so every value stays as it was, but for one that lies within float32's error of the middle
    between two steps. An operator of which anything else reads an output stays as it is.

    Returns:
        the rewritten file; `data` itself where it holds no such island.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    return rewrite_subgraphs(data, _fold)


def _fold(draft: Draft, number: int) -> bool:
    moves = _Moves(draft, number).all()
    if moves:
        draft.subgraphs[number].operators = _written(draft, number, moves)
    return bool(moves)


@dataclass(frozen=True, eq=False)
class _Moves:
    """The operators of a subgraph that can be int8."""

    draft: Draft
    number: int

    @property
    def subgraph(self) -> Any:
        return self.draft.subgraphs[self.number]

    @cached_property
    def readers(self) -> Mapping[int, Sequence[Any]]:
        found: dict[int, list[Any]] = {}
        for operator in self.subgraph.operators:
            for index in operator.inputs:
                found.setdefault(int(index), []).append(operator)
        return found

    def kind(self, operator: Any) -> int:
        return builtin_code(self.draft.codes[operator.opcodeIndex])

    def all(self) -> list[Any]:
        """Those whose values come from a DEQUANTIZE of int8 and go to QUANTIZE alone, in order."""
        open_tensors = {
            int(operator.outputs[0])
            for operator in self.subgraph.operators
            if self.kind(operator) == _OP.DEQUANTIZE and is_int8(self.subgraph.tensors[operator.inputs[0]])
        }
        found = []
        for operator in self.subgraph.operators:
            if self.kind(operator) not in _MOVES or _values(self.kind(operator), operator) not in open_tensors:
                continue
            if self.ends_in_int8(operator) and any(self.readers.get(int(index)) for index in operator.outputs):
                found.append(operator)
                open_tensors.update(int(index) for index in operator.outputs)
        return found

    def ends_in_int8(self, operator: Any) -> bool:
        outputs = [int(index) for index in operator.outputs]
        return not {*outputs} & {int(index) for index in self.subgraph.outputs} and all(
            self.quantizes(reader) or (self.kind(reader) in _MOVES and self.ends_in_int8(reader))
            for index in outputs
            for reader in self.readers.get(index, ())
        )

    def quantizes(self, operator: Any) -> bool:
        return self.kind(operator) == _OP.QUANTIZE and is_int8(self.subgraph.tensors[operator.outputs[0]])


def _written(draft: Draft, number: int, moves: Sequence[Any]) -> list[Any]:
    """The operators with the moves in int8, less the DEQUANTIZEs and QUANTIZEs that they no longer need."""
    subgraph = draft.subgraphs[number]
    kind = {id(operator): builtin_code(draft.codes[operator.opcodeIndex]) for operator in subgraph.operators}
    moved = {id(operator) for operator in moves}
    ends = {int(index) for index in subgraph.outputs}
    int8: dict[int, int] = {}  # a float tensor that was moved, or is to be, to the int8 one of the same values
    dequantized: set[int] = set()
    same: dict[int, int] = {}  # an int8 tensor to one of the same values and scale that takes its place
    written: list[Any] = []
    for original in subgraph.operators:
        operator = changed(original, inputs=[same.get(int(index), int(index)) for index in original.inputs])
        source = int8.get(int(operator.inputs[0])) if len(operator.inputs) else None
        if id(original) in moved:
            written.append(_in_int8(draft, number, kind[id(original)], operator, int8))
        elif kind[id(original)] == _OP.QUANTIZE and source is not None and int(operator.inputs[0]) not in dequantized:
            target = int(operator.outputs[0])
            if _quantization(subgraph, source) == _quantization(subgraph, target) and target not in ends:
                same[target] = source
            else:
                written.append(changed(operator, inputs=[source]))
        else:
            written.append(operator)
            if kind[id(original)] == _OP.DEQUANTIZE and is_int8(subgraph.tensors[operator.inputs[0]]):
                int8[int(operator.outputs[0])] = int(operator.inputs[0])
                dequantized.add(int(operator.outputs[0]))
    read = {int(index) for operator in written for index in operator.inputs} | ends
    idle = dequantized - read
    return [operator for operator in written if not idle & {int(index) for index in operator.outputs}]


def _in_int8(draft: Draft, number: int, kind: int, operator: Any, int8: dict[int, int]) -> Any:
    """The operator between int8 tensors; what it writes is noted in `int8`."""
    subgraph = draft.subgraphs[number]
    place, version = _MOVES[kind]
    source = int8[int(operator.inputs[place])]
    scale, zero_point = _quantization(subgraph, source)
    outputs = []
    for index in map(int, operator.outputs):
        known = view(subgraph.tensors[index])
        outputs.append(draft.int8_tensor(number, known.name, known.shape, scale, zero_point))
        int8[index] = outputs[-1]
    inputs = [source if position == place else int(index) for position, index in enumerate(operator.inputs)]
    version = max(version, draft.codes[operator.opcodeIndex].version)
    code = draft.operator(kind, inputs, outputs[0], version)
    return changed(operator, opcodeIndex=code.opcodeIndex, inputs=inputs, outputs=outputs)


def _values(kind: int, operator: Any) -> int:
    """The tensor whose values it moves."""
    return int(operator.inputs[_MOVES[kind][0]])


def _quantization(subgraph: Any, index: int) -> tuple[float, int]:
    known = view(subgraph.tensors[index])
    return known.scales[0], known.zero_points[0]
