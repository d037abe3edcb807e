"""`edgeswap check`, for a `.tflite` from any tool: does a target run it full-integer? Without TensorFlow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from edgeswap.compatibility.backends import Backend
from edgeswap.compatibility.expected_gain import expected_gain, little_gain
from edgeswap.compatibility.findings import FACT, CheckReport, Finding, Severity, TargetCheck
from edgeswap.compatibility.graph_findings import grouped
from edgeswap.compatibility.places import against, is_heavy, places
from edgeswap.compatibility.task_without_labels import task_without_labels
from edgeswap.compatibility.work import of_file
from edgeswap.tflite import full_integer as verify
from edgeswap.tflite.calls import Call, calls
from edgeswap.tflite.dense import dense_weights
from edgeswap.tflite.flatbuffer import Tensor, read, tensors
from edgeswap.tflite.kind import BORDERS, IN_FLOAT, Kind, kind_of
from edgeswap.tflite.remedies import instead_of
from edgeswap.tflite.signature import signature
from edgeswap.version import __version__


def check(data: bytes, target: Backend, *, layer_names: Sequence[str] = ()) -> TargetCheck:
    """What is to be said of a `.tflite` file on one target.

    Args:
        data: the file.
        target: where it is to run.
        layer_names: of the Keras model, see `edgeswap.tflite.full_integer.layer_in`.

    Returns:
        As `graph_findings.check`. `blocks` is also a float input or output, and every float tensor; of a file that is
        computed in float throughout that is one finding. What int8 gains is told of such a file, and of one that
        nothing blocks.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    file = _File(data, read(data), target, layer_names)
    found = [*file.findings()]
    passed = not any(finding.severity == "blocks" for finding in found)
    gain = expected_gain(of_file(file.model) if passed or file.kind in IN_FLOAT else None, target.name)
    findings = grouped([*found, *little_gain(gain)])
    return TargetCheck(
        target=target.name,
        basis=target.basis,
        operators=dict(Counter(call.operation.name for call in file.calls)),
        leaves_at=file.leaves_at,
        activations=[],
        findings=findings,
        gain=gain,
        passed=passed,
    )


def is_tflite(path: Path) -> bool:
    """Whether the file at `path` is a `.tflite`, by its identifier or else by its name."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(8)[4:] == b"TFL3" or path.suffix == ".tflite"


def check_everywhere(data: bytes, targets: Sequence[Backend], *, name: str) -> CheckReport:
    """What is to be said of a `.tflite` file on each target.

    Args:
        data: the file.
        targets: where it is to run.
        name: what the report calls it.

    Raises:
        ModelError: it is no TFLite file that can be read.
    """
    checked = [check(data, target) for target in targets]
    return CheckReport(
        edgeswap=__version__,
        model=name,
        form="tflite",
        kind=kind_of(read(data)),
        bench=task_without_labels(signature(data)),
        targets=checked,
        passed=all(target.passed for target in checked),
    )


@dataclass(frozen=True, eq=False)
class _File:
    data: bytes
    model: Any
    target: Backend
    layer_names: Sequence[str]

    @cached_property
    def known(self) -> list[tuple[Tensor, ...]]:
        return [tensors(self.model, number) for number in range(len(self.model.subgraphs))]

    @cached_property
    def calls(self) -> list[Call]:
        return calls(self.model, self.layer_names)

    @cached_property
    def leaves_at(self) -> str | None:
        if not self.target.one_piece:
            return None
        for call in self.calls:
            remark = self.target.judge(call.operation)
            if self.ends_alone and self.is_end(call):
                continue
            if call.float_tensors or (remark is not None and remark.severity == "blocks"):
                return f"{call.layer or call.written[0]} ({call.operation.name})"
        return None

    def findings(self) -> Iterator[Finding]:
        """All of them; of a file that no quantization has touched but the one that says so, and its sizes."""
        if self.kind in IN_FLOAT:
            yield _finding("blocks", f"a {self.kind} model", _FLOAT_KINDS[self.kind], _QUANTIZE)
        else:
            yield from self.borders()
        if self.kind == "int16x8":
            severity: Severity = "blocks" if self.target.one_piece else "costs"
            yield _finding(
                severity, "an int16x8 model", "Its activations are int16, which only the plain kernels support.", _INT8
            )
        yield from self.graph_findings()
        if self.kind not in (*IN_FLOAT, "int16x8"):
            yield from self.operator_findings()

    @cached_property
    def kind(self) -> Kind:
        return kind_of(self.model)

    @cached_property
    def ends_alone(self) -> bool:
        """Whether the float tensors are inputs that are quantized first and outputs that are dequantized last."""
        verdict = verify.verify(self.data)
        return bool(verdict.float_tensors) and not verdict.float_inside and verdict.has_ends_alone

    def borders(self) -> Iterator[Finding]:
        verdict = verify.verify(self.data)
        if self.ends_alone:
            severity: Severity = "costs" if self.target.one_piece else "note"
            where = "on the CPU, since the compiler takes no float tensors" if self.target.one_piece else "in float"
            why = f"All between them is int8. The QUANTIZE at each input and the DEQUANTIZE at each output run {where}."
            instead = "Export it with --io int8 or uint8 where the app can give and take integers."
            yield _finding(severity, "float32 ends", why, instead)
            return
        for side, dtypes in (("input", verdict.input_dtypes), ("output", verdict.output_dtypes)):
            for dtype in sorted({*dtypes} & verify.FLOAT_DTYPES):
                integers = "int16" if self.kind == "int16x8" else "int8"  # the converter takes no other for each
                instead = f"Convert it with {integers} as inference_{side}_type."
                yield _finding("blocks", f"{dtype} {side}", "A full-integer model takes and gives integers.", instead)
        used = {name for call in self.calls for name in call.float_tensors}
        for name in dict.fromkeys(verdict.float_tensors):
            if name not in used:
                found = _finding("blocks", "float tensor", "No operator computes it, but it is not int8.", "")
                yield found.model_copy(update={"tensors": [name], "instead": "Convert the model again without it."})

    def graph_findings(self) -> Iterator[Finding]:
        subgraphs = self.model.subgraphs
        free = [
            tensor.name
            for number, subgraph in enumerate(subgraphs)
            for tensor, signature in zip(self.known[number], subgraph.tensors, strict=True)
            if signature.shapeSignature is not None and -1 in signature.shapeSignature
        ]
        if free:
            chains = [name for name in ("SHAPE", "PACK") if any(call.operation.name == name for call in self.calls)]
            severity: Severity = "costs" if "SHAPE" in chains else "note"
            why = "Runtimes take a free size as 1 unless the app resizes the input."
            if severity == "costs":
                why = f"Free sizes leave chains of {' and '.join(chains)}, which cut the graph."
            if self.target.one_piece:
                severity, why = "blocks", "The compiler takes only fixed sizes (google-coral/edgetpu#829)."
            found = _finding(severity, "free sizes", why, "Convert it with a fixed batch of 1.")
            layers = dict.fromkeys(layer for name in free if (layer := verify.layer_in([name], self.layer_names)))
            yield found.model_copy(update={"tensors": free[:_SHOWN], "layers": list(layers)[:_SHOWN]})
        if self.target.one_piece and len(subgraphs) > 1:
            why = "The compiler takes only one subgraph, so no loops and no branches."
            instead = "Write Conv1D layers in place of recurrent ones."
            yield _finding("blocks", f"{len(subgraphs)} subgraphs", why, instead)
        for name in (weights.name for weights in dense_weights(self.model) if len(weights.scales) > 1):
            severity = "costs" if self.target.one_piece else "note"
            why = (
                "Its weights have one scale for each unit. TFLite 2.9 and older, and perhaps the Edge TPU compiler, "
                "compute wrong results from them."
            )
            pinned = "" if self.target.one_piece else ", or pin TFLite 2.14 or LiteRT, which compute right results"
            instead = f"Export it with `--dense-scales per-tensor`{pinned}."
            if severity == "costs" or self.target.bundled_runtime:
                found = _finding(severity, "per-channel FULLY_CONNECTED", why, instead)
                yield found.model_copy(update={"tensors": [name], "basis": "measured with TFLite 2.9 on x86-64"})

    def operator_findings(self) -> Iterator[Finding]:
        taken = [
            self.target.judge(call.operation) is None and (not call.float_tensors or call.operation.name in BORDERS)
            for call in self.calls
        ]
        stand = places([is_heavy(call.operation) for call in self.calls], [call.reads for call in self.calls], taken)
        islands = any(call.float_tensors and call.operation.name not in BORDERS for call in self.calls)
        for call, place in zip(self.calls, stand, strict=True):
            name = call.operation.name
            if call.float_tensors:
                if name not in BORDERS or (not islands and not self.is_end(call)):
                    why = "It reads or writes float tensors."
                    yield self.about(call, "blocks", f"float {name}", (why, instead_of([name]), FACT))
                continue
            foreign = {*call.dtypes} - self.target.dtypes - _HELPERS
            if foreign and name not in BORDERS and self.kind != "uint8":
                why = f"It writes {', '.join(sorted(foreign))}, not int8."
                yield self.about(call, "blocks", name, (why, "Convert it with int8 activations.", FACT))
            helps = {*call.dtypes} <= _HELPERS and not self.target.one_piece
            remark = None if helps else self.target.judge(call.operation)
            if remark is not None:
                severity, why = against(remark, place, one_piece=self.target.one_piece)
                instead = remark.instead or self.target.otherwise
                yield self.about(call, severity, name, (why, instead, remark.basis))

    def is_end(self, call: Call) -> bool:
        """Whether it turns an input or an output of the model, which is a finding of its own."""
        graph = self.model.subgraphs[0]
        ends = {self.known[0][int(index)].name for index in (*graph.inputs, *graph.outputs)}
        return bool(ends & {*call.float_tensors})

    def about(self, call: Call, severity: Severity, what: str, reasons: tuple[str, str, str]) -> Finding:
        why, instead, basis = reasons
        turns_uint8 = "UINT8" in call.operation.options.get("types", ())  # an end: the layer before has no part in it
        return Finding(
            severity=severity,
            what=what,
            why=why,
            instead=instead,
            basis=basis,
            layers=[call.layer] if call.layer and not turns_uint8 else [],
            operators=[call.operation.name],
            tensors=list(call.written[:1]),
        )


_SHOWN = 5
# Sizes, indices, conditions, and handles of variables that keep a state.
_HELPERS = frozenset({"INT32", "INT64", "BOOL", "RESOURCE"})
_FLOAT_KINDS = {
    "float32": "The whole model computes in float32.",
    "float16": "Its weights are float16, and the whole model computes in float32.",
    "dynamic range": "Only its weights are integers: the tensors between operators are float32.",
}
_QUANTIZE = "Convert it with full-integer quantization: `edgeswap export --int8` of its Keras model."
_INT8 = "Convert it with int8 activations: `edgeswap export --int8` of its Keras model."


def _finding(severity: Severity, what: str, why: str, instead: str) -> Finding:
    return Finding(severity=severity, what=what, why=why, instead=instead, basis=FACT, layers=[])
