"""The operators of a `.tflite` file one by one, as far as a target's table asks about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite import full_integer as verify
from edgeswap.tflite.flatbuffer import Tensor, operator_name, tensors
from edgeswap.tflite.operator import Operation

_FUSED = {value: name for name, value in vars(schema.ActivationFunctionType).items() if not name.startswith("_")}
NOTHING_KNOWN: Mapping[str, str] = MappingProxyType({})  # of the names of layers
_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})  # as the second input
_REDUCTIONS = frozenset({"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"})


@dataclass(frozen=True, eq=False)
class Call:
    """One operator where it stands.

    Attributes:
        operation: what tables judge.
        dtypes: of the tensors that it writes, as the schema names them.
        float_tensors: names of those of a float type that it reads or writes.
        written: names of the tensors that it writes.
        layer: the Keras layer in the name of what it writes, else of its weights; None where neither has one.
        reads: the numbers of the calls before it, counted over all subgraphs from 0, that write what it reads.
    """

    operation: Operation
    dtypes: tuple[str, ...]
    float_tensors: tuple[str, ...]
    written: tuple[str, ...]
    layer: str | None
    reads: tuple[int, ...]


def calls(model: Any, layer_names: Collection[str] = ()) -> list[Call]:
    """Every operator of all subgraphs, in the order in which they run.

    Args:
        model: a `ModelT`, see `edgeswap.tflite.flatbuffer.read`.
        layer_names: of the Keras model, see `edgeswap.tflite.full_integer.layer_in`.
    """
    found: list[Call] = []
    for number in range(len(model.subgraphs)):
        found += _Subgraph(model, number, layer_names).calls(len(found))
    return found


@dataclass(frozen=True, eq=False)
class _Subgraph:
    model: Any
    number: int
    layer_names: Collection[str]

    @cached_property
    def known(self) -> tuple[Tensor, ...]:
        return tensors(self.model, self.number)

    def calls(self, first: int) -> list[Call]:
        """Its operators, the first of which has the number `first`."""
        found: list[Call] = []
        written_by: dict[int, int] = {}
        for number, operator in enumerate(self.model.subgraphs[self.number].operators, first):
            reads = {written_by[int(index)] for index in operator.inputs if int(index) in written_by}
            found.append(self.call(operator, tuple(sorted(reads))))
            written_by.update((int(index), number) for index in operator.outputs)
        return found

    def call(self, call: Any, made_by: tuple[int, ...]) -> Call:
        known, code = self.known, self.model.operatorCodes[call.opcodeIndex]
        name = operator_name(code)
        reads = [int(index) for index in call.inputs if index != -1]
        writes = [int(index) for index in call.outputs]
        constants = [index for index in reads if self.values(index) is not None]
        operation = Operation(
            name,
            tuple(known[index].shape for index in reads if index not in constants),
            tuple(known[index].shape for index in writes),
            self.options(name, call, constants),
            int(code.version),
        )
        # Not what comes before: a model's last tensor bears no layer's name, and the layer before did not write it.
        own = [*writes, *([reads[1]] if name in _WEIGHTED and reads[1:2] and reads[1] in constants else [])]
        touched = [*writes, *reads]
        return Call(
            operation,
            tuple(known[index].dtype for index in writes),
            tuple(known[index].name for index in touched if known[index].dtype in verify.FLOAT_DTYPES),
            tuple(known[index].name for index in writes),
            verify.layer_in([known[index].name for index in own], self.layer_names),
            made_by,
        )

    def options(self, name: str, call: Any, constants: Sequence[int]) -> dict[str, Any]:
        """What tables ask for, see `Operation`."""
        own = call.builtinOptions
        found: dict[str, Any] = {}
        fused = _FUSED.get(getattr(own, "fusedActivationFunction", 0), "NONE")
        if fused != "NONE":
            found["fused"] = fused
        if hasattr(own, "dilationHFactor"):
            found["dilation"] = (int(own.dilationHFactor), int(own.dilationWFactor))
        second = self.numbers(call, 1)
        if name in _REDUCTIONS and second is not None:
            rank = len(self.known[int(call.inputs[0])].shape)
            found["axes"] = tuple(int(axis) % max(rank, 1) for axis in second)
        if name == "PAD" and second is not None and not len(second) % 2:
            found["padding"] = tuple(map(tuple, second.reshape(-1, 2).tolist()))
        if name == "PRELU" and constants:
            found["slope_shape"] = self.known[constants[0]].shape
        if name == "QUANTIZE":
            found["types"] = tuple(self.known[int(side[0])].dtype for side in (call.inputs, call.outputs))
        if name == "FULLY_CONNECTED":
            found["shuffled_weights"] = bool(getattr(own, "weightsFormat", 0))
        if name == "STRIDED_SLICE" and isinstance(own, schema.StridedSliceOptionsT):
            strides = self.numbers(call, 3)
            found["strides"] = () if strides is None else tuple(strides.tolist())
            found["ellipsis_or_new_axis"] = bool(own.ellipsisMask or own.newAxisMask)
        if name == "CONCATENATION" and constants:
            found["constant_inputs"] = len(constants)
            found["constants_are_zero"] = all(self.is_zero(index) for index in constants)
        return found

    def numbers(self, call: Any, place: int) -> Any:
        """The whole numbers of an operator's constant input; None where it is none, or holds others."""
        if len(call.inputs) <= place or call.inputs[place] == -1:
            return None
        index = int(call.inputs[place])
        data, dtype = self.values(index), {"INT32": np.int32, "INT64": np.int64}.get(self.known[index].dtype)
        return None if data is None or dtype is None else data.view(dtype)

    def values(self, index: int) -> Any:
        """The bytes of a constant tensor; None where it is none."""
        data = self.model.buffers[self.model.subgraphs[self.number].tensors[index].buffer].data
        return None if data is None or not len(data) else np.asarray(data, np.uint8)

    def is_zero(self, index: int) -> bool:
        zero_points = self.known[index].zero_points or (0,)
        return bool((self.values(index).view(np.int8) == zero_points[0]).all())
