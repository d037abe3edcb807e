"""`edgeswap check`, for a `.tflite` from any tool: does a target run it full-integer? Without TensorFlow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeswap import __version__
from edgeswap.check import FACT, against, grouped, heavy_from
from edgeswap.findings import CheckReport, Finding, Severity, TargetCheck
from edgeswap.operators import Target
from edgeswap.tflite import verify
from edgeswap.tflite.flatbuffer import Tensor, indices, operator_name, read, tensors
from edgeswap.tflite.operation import Operation

_BORDERS = frozenset({"QUANTIZE", "DEQUANTIZE"})
_FUSED = {value: name for name, value in vars(schema.ActivationFunctionType).items() if not name.startswith("_")}
_REDUCTIONS = frozenset({"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"})
_NEEDS_INT8 = {
    "ELU": "`edgeswap export --int8` makes it one int8 operator; or swap relu6 or swish in.",
    "CONV_3D": "Write layers over two dimensions.",
    "WHILE": "Build the recurrent layer with unroll=True, or write Conv1D layers.",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "Build the recurrent layer with unroll=True, or write Conv1D layers.",
}


def check(data: bytes, target: Target, *, layer_names: Sequence[str] = ()) -> TargetCheck:
    """What is to be said of a `.tflite` file on one target.

    Args:
        data: the file.
        target: where it is to run.
        layer_names: of the Keras model, see `edgeswap.tflite.verify.layer_in`.

    Returns:
        As `edgeswap.check.check`. `blocks` is also an input or output of another type, and every float tensor.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    file = _File(read(data), target, layer_names)
    findings = grouped([*file.borders(data), *file.graph_findings(), *file.operator_findings()])
    return TargetCheck(
        target=target.name,
        basis=target.basis,
        operators=dict(Counter(call.operation.name for call in file.calls)),
        leaves_at=file.leaves_at,
        activations=[],
        findings=findings,
        passed=not any(finding.severity == "blocks" for finding in findings),
    )


def is_tflite(path: Path) -> bool:
    """Whether the file at `path` is a `.tflite`, by its identifier or else by its name."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(8)[4:] == b"TFL3" or path.suffix == ".tflite"


def check_file(path: Path, targets: Sequence[Target]) -> CheckReport:
    """What is to be said of the `.tflite` at `path` on each target.

    Raises:
        ModelError: it is no TFLite file that can be read.
    """
    data = path.read_bytes()
    checked = [check(data, target) for target in targets]
    return CheckReport(
        edgeswap=__version__,
        model=str(path),
        form="tflite",
        targets=checked,
        passed=all(target.passed for target in checked),
    )


@dataclass(frozen=True, eq=False)
class _Call:
    """One operator, the type of what it writes, and the names that tell where it stands."""

    operation: Operation
    dtypes: tuple[str, ...]
    float_tensors: tuple[str, ...]
    written: tuple[str, ...]
    layer: str | None


@dataclass(frozen=True, eq=False)
class _File:
    model: Any
    target: Target
    layer_names: Sequence[str]

    @cached_property
    def known(self) -> list[tuple[Tensor, ...]]:
        return [tensors(self.model, number) for number in range(len(self.model.subgraphs))]

    @cached_property
    def calls(self) -> list[_Call]:
        found: list[_Call] = []
        for number, subgraph in enumerate(self.model.subgraphs):
            writers: dict[int, Any] = {}
            for call in subgraph.operators:
                writers.update((int(index), call) for index in call.outputs)
                found.append(self.call(number, call, writers))
        return found

    @cached_property
    def leaves_at(self) -> str | None:
        if not self.target.one_piece:
            return None
        for call in self.calls:
            remark = self.target.judge(call.operation)
            if call.float_tensors or (remark is not None and remark.severity == "blocks"):
                return f"{call.layer or call.written[0]} ({call.operation.name})"
        return None

    def call(self, number: int, call: Any, writers: Mapping[int, Any]) -> _Call:
        known, code = self.known[number], self.model.operatorCodes[call.opcodeIndex]
        name = operator_name(code)
        reads = [int(index) for index in call.inputs if index != -1]
        writes = [int(index) for index in call.outputs]
        constants = [index for index in reads if self.values(number, index) is not None]
        operation = Operation(
            name,
            tuple(known[index].shape for index in reads if index not in constants),
            tuple(known[index].shape for index in writes),
            self.options(number, name, call, constants),
            int(code.version),
        )
        near = [*writes, *verify.upstream(writers, [index for index in reads if index not in constants])]
        touched = [*writes, *reads, *(index for index in indices(call.intermediates) if index != -1)]
        return _Call(
            operation,
            tuple(known[index].dtype for index in writes),
            tuple(known[index].name for index in touched if known[index].dtype in verify.FLOAT_DTYPES),
            tuple(known[index].name for index in writes),
            verify.layer_in([known[index].name for index in near], self.layer_names),
        )

    def options(self, number: int, name: str, call: Any, constants: Sequence[int]) -> dict[str, Any]:
        """What tables ask for, see `Operation`."""
        own = call.builtinOptions
        found: dict[str, Any] = {}
        fused = _FUSED.get(getattr(own, "fusedActivationFunction", 0), "NONE")
        if fused != "NONE":
            found["fused"] = fused
        if hasattr(own, "dilationHFactor"):
            found["dilation"] = (int(own.dilationHFactor), int(own.dilationWFactor))
        second = self.values(number, int(call.inputs[1])) if len(call.inputs) > 1 and call.inputs[1] != -1 else None
        if name in _REDUCTIONS and second is not None:
            rank = len(self.known[number][int(call.inputs[0])].shape)
            found["axes"] = tuple(int(axis) % max(rank, 1) for axis in second.view(np.int32))
        if name == "PAD" and second is not None:
            found["padding"] = tuple(map(tuple, second.view(np.int32).reshape(-1, 2).tolist()))
        if name == "PRELU" and constants:
            found["slope_shape"] = self.known[number][constants[0]].shape
        if name == "FULLY_CONNECTED":
            found["shuffled_weights"] = bool(own is not None and own.weightsFormat)
        if name == "STRIDED_SLICE" and own is not None:
            strides = self.values(number, int(call.inputs[3])) if len(call.inputs) > 3 else None
            found["strides"] = () if strides is None else tuple(strides.view(np.int32).tolist())
            found["ellipsis_or_new_axis"] = bool(own.ellipsisMask or own.newAxisMask)
        if name == "CONCATENATION" and constants:
            found["constant_inputs"] = len(constants)
            found["constants_are_zero"] = all(self.is_zero(number, index) for index in constants)
        return found

    def values(self, number: int, index: int) -> Any:
        """The bytes of a constant tensor; None where it is none."""
        data = self.model.buffers[self.model.subgraphs[number].tensors[index].buffer].data
        return None if data is None or not len(data) else np.asarray(data, np.uint8)

    def is_zero(self, number: int, index: int) -> bool:
        zero_points = self.known[number][index].zero_points or (0,)
        return bool((self.values(number, index).view(np.int8) == zero_points[0]).all())

    def borders(self, data: bytes) -> Iterator[Finding]:
        verdict = verify.verify(data)
        for side, dtypes in (("input", verdict.input_dtypes), ("output", verdict.output_dtypes)):
            for dtype in sorted({*dtypes} - self.target.dtypes):
                instead = f"Convert it with int8 as inference_{side}_type."
                yield _finding("blocks", f"{dtype} {side}", "A full-integer model takes and gives int8.", instead)
        used = {name for call in self.calls for name in call.float_tensors}
        for name in dict.fromkeys(verdict.float_tensors):
            if name not in used:
                found = _finding("blocks", "float tensor", "No operator computes it, but it is no int8.", "")
                yield found.model_copy(update={"tensors": [name], "instead": "Convert it again, without it."})

    def graph_findings(self) -> Iterator[Finding]:
        subgraphs = self.model.subgraphs
        free = [
            tensor.name
            for number, subgraph in enumerate(subgraphs)
            for tensor, signature in zip(self.known[number], subgraph.tensors, strict=True)
            if signature.shapeSignature is not None and -1 in signature.shapeSignature
        ]
        if free:
            why = "Sizes that are free leave chains of SHAPE and PACK that cut the graph."
            severity: Severity = "costs"
            if self.target.one_piece:
                severity, why = "blocks", "The compiler takes static sizes alone (google-coral/edgetpu#829)."
            found = _finding(severity, "free sizes", why, "Convert it with a fixed batch of 1.")
            yield found.model_copy(update={"tensors": free[:_SHOWN]})
        if self.target.one_piece and len(subgraphs) > 1:
            why = "The compiler takes one subgraph, without loops and branches."
            yield _finding("blocks", f"{len(subgraphs)} subgraphs", why, "Unroll recurrent layers.")
        for name in self.per_channel_dense():
            severity = "costs" if self.target.one_piece else "note"
            why = (
                "Runtimes of before that feature (TFLite 2.9, perhaps the Edge TPU compiler) compute nonsense from it."
            )
            instead = "Export it with edgeswap, which gives dense layers one scale, or pin a runtime that knows it."
            if severity == "costs" or self.target.bundled_runtime:
                found = _finding(severity, "per-channel FULLY_CONNECTED", why, instead)
                yield found.model_copy(update={"tensors": [name], "basis": "measured with TFLite 2.9 on x86-64"})

    def per_channel_dense(self) -> Iterator[str]:
        """Names of the weights of dense operators that have a scale for each unit."""
        for number, subgraph in enumerate(self.model.subgraphs):
            for call in subgraph.operators:
                if operator_name(self.model.operatorCodes[call.opcodeIndex]) == "FULLY_CONNECTED":
                    weights = self.known[number][int(call.inputs[1])]
                    if len(weights.scales) > 1:
                        yield weights.name

    def operator_findings(self) -> Iterator[Finding]:
        heavy = heavy_from([call.operation.name for call in self.calls])
        islands = any(call.float_tensors and call.operation.name not in _BORDERS for call in self.calls)
        for call, heavy_behind in zip(self.calls, heavy, strict=True):
            name = call.operation.name
            if call.float_tensors:
                if name not in _BORDERS or not islands:
                    why = "It computes on float tensors, or carries them."
                    instead = _NEEDS_INT8.get(name, "Convert it with full-integer quantization, or swap the layer.")
                    yield self.about(call, "blocks", f"float {name}", (why, instead, FACT))
                continue
            foreign = {*call.dtypes} - self.target.dtypes - _HELPERS
            if foreign:
                why = f"It writes {', '.join(sorted(foreign))}, not int8."
                yield self.about(call, "blocks", name, (why, "Convert it with int8 activations.", FACT))
            helps = {*call.dtypes} <= _HELPERS and not self.target.one_piece
            remark = None if helps else self.target.judge(call.operation)
            if remark is not None:
                severity, why = against(remark, heavy_behind=heavy_behind, one_piece=self.target.one_piece)
                yield self.about(call, severity, name, (why, remark.instead, remark.basis))

    def about(self, call: _Call, severity: Severity, what: str, reasons: tuple[str, str, str]) -> Finding:
        why, instead, basis = reasons
        return Finding(
            severity=severity,
            what=what,
            why=why,
            instead=instead,
            basis=basis,
            layers=[call.layer] if call.layer else [],
            operators=[call.operation.name],
            tensors=list(call.written[:1]),
        )


_SHOWN = 5
_HELPERS = frozenset({"INT32", "INT64", "BOOL"})  # sizes, indices and conditions


def _finding(severity: Severity, what: str, why: str, instead: str) -> Finding:
    return Finding(severity=severity, what=what, why=why, instead=instead, basis=FACT, layers=[])
