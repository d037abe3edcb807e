"""Coral's Edge TPU: `prepare` makes of an int8 model what its library runs, and says which operators that are.

Where `edgetpu_compiler` is on the PATH it compiles the model. Where it is not (it is of 2021, for x86-64 alone, and in
no package registry) Coral's table of operators stands in: a judgement, and nothing to run. Compiled models run through
libedgetpu, by `--delegate edgetpu` on the host or a board.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeswap.compatibility import edgetpu as table
from edgeswap.errors import TargetError
from edgeswap.records import EdgeTpuHandover, EdgeTpuMapping
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.compiler import quote, run_compiler
from edgeswap.targets.edgetpu.installed import COMPILER
from edgeswap.targets.edgetpu.log import CompilerLog, read_log
from edgeswap.tflite.calls import Call, calls
from edgeswap.tflite.flatbuffer import read, text

COMPILED_OPERATOR = "edgetpu-custom-op"
COMPILED_FILE = "model_int8_edgetpu.tflite"
_BORDERS = frozenset({"QUANTIZE", "DEQUANTIZE"})


def prepare(
    tflite_model: bytes, folder: Path, *, layer_names: Sequence[str] = (), timeout_s: float = 900.0
) -> EdgeTpuMapping:
    """Compile an int8 model for the Edge TPU where its compiler is, and say which operators it runs.

    Args:
        tflite_model: a full-integer `.tflite` file, or one that was compiled before.
        folder: where the compiled model goes, as `model_int8_edgetpu.tflite`.
        layer_names: of the Keras model, see `edgeswap.tflite.full_integer.layer_in`.
        timeout_s: how long the compiler may take, in seconds; it ends by itself after 180 s of one attempt.

    Returns:
        The mapping; its `file` is None where there is no compiler.

    Raises:
        ModelError: `tflite_model` is no TFLite file that can be read.
        TargetError: the compiler refused the model, crashed or hung; the remedy ends in its own words.
    """
    found = calls(read(tflite_model), layer_names)
    if any(call.operation.name == COMPILED_OPERATOR for call in found):
        (folder / COMPILED_FILE).write_bytes(tflite_model)
        return _compiled_before(found)
    compiler = shutil.which(COMPILER)
    if compiler is None:
        return _by_table(read(tflite_model), found)
    with scratch_folder() as scratch:
        (scratch / "model_int8.tflite").write_bytes(tflite_model)
        compiled, log = _compile(compiler, scratch, timeout_s, _refusal(read(tflite_model), found))
    (folder / COMPILED_FILE).write_bytes(compiled)
    return _by_compiler(found, calls(read(compiled)), log)


def _compile(compiler: str, folder: Path, timeout_s: float, refusal: str | None) -> tuple[bytes, CompilerLog]:
    """The compiled model and what the compiler says of it."""
    remedy = refusal or "See what Coral's table says of it: edgeswap check MODEL.tflite --target coral."
    command = [compiler, "--out_dir", ".", "model_int8.tflite"]
    said = run_compiler(COMPILER, command, folder, timeout_s=timeout_s, remedy=remedy)
    written, log_file = folder / COMPILED_FILE, folder / f"{Path(COMPILED_FILE).stem}.log"
    if not (written.is_file() and log_file.is_file()):
        raise TargetError(
            f"{COMPILER}: expected {written.name} and {log_file.name}, it wrote no such files.",
            f"{remedy} {quote(said)}",
        )
    return written.read_bytes(), read_log(said, log_file.read_text(errors="replace"))


def _by_compiler(source: Sequence[Call], compiled: Sequence[Call], log: CompilerLog) -> EdgeTpuMapping:
    cpu_operators = log.counted(mapped=False)
    return EdgeTpuMapping(
        basis=f"{COMPILER} {log.version}",
        tpu_operators=log.counted(mapped=True),
        cpu_operators=cpu_operators,
        leaves_at=_left_by_compiler(source, compiled, log) if cpu_operators else None,
        refused=None,
        subgraphs=log.subgraphs,
        cached_parameter_bytes=log.cached_bytes,
        streamed_parameter_bytes=log.streamed_bytes,
        file=COMPILED_FILE,
    )


def _left_by_compiler(source: Sequence[Call], compiled: Sequence[Call], log: CompilerLog) -> EdgeTpuHandover | None:
    """The first operator that the compiled model still holds, found by the tensor that it writes.

    The log counts operators by kind and does not tell where they stand.
    """
    remaining = {name for call in compiled if call.operation.name != COMPILED_OPERATOR for name in call.written}
    left = [call for call in source if remaining & {*call.written}]
    entering = sum(_enters(call) for call in left)
    first = next((call for call in left if not _enters(call)), None)
    if first is not None:
        culprit = _culprit(source, first)
        reason = log.reason(culprit.operation.name) or "it tells no reason"
        return _handover(culprit, f"{COMPILER}: {reason}.")
    row = log.first_left()
    if row is None or entering:  # a float input is quantized on the CPU, and nothing else is left there
        return None
    return EdgeTpuHandover(
        operator=row.operator, tensor=None, layer=None, reason=f"{COMPILER}: {row.status}.", remedy=""
    )


def _by_table(model: Any, found: Sequence[Call]) -> EdgeTpuMapping:
    """By the first operator that does not map: it and all behind it run on the CPU."""
    refused = _refusal(model, found)
    leaves = next((number for number, call in enumerate(found) if not _enters(call) and _against(call)), len(found))
    on_tpu = [] if refused else [call for call in found[:leaves] if not _enters(call)]
    on_cpu = [call for call in found if call not in on_tpu]
    culprit = _culprit(found, found[leaves]) if leaves < len(found) else None
    return EdgeTpuMapping(
        basis=table.BASIS,
        tpu_operators=_counted(on_tpu),
        cpu_operators=_counted(on_cpu),
        leaves_at=None if culprit is None else _handover(culprit, _against(culprit)),
        refused=refused,
        subgraphs=None,
        cached_parameter_bytes=None,
        streamed_parameter_bytes=None,
        file=None,
    )


def _compiled_before(found: Sequence[Call]) -> EdgeTpuMapping:
    pieces = [call for call in found if call.operation.name == COMPILED_OPERATOR]
    left = [call for call in found if call not in pieces]
    first = next((call for call in left if not _enters(call)), None)
    return EdgeTpuMapping(
        basis="the model was compiled before",
        tpu_operators=_counted(pieces),
        cpu_operators=_counted(left),
        leaves_at=None if first is None else _handover(first, "The compiler left it to the CPU."),
        refused=None,
        subgraphs=len(pieces),
        cached_parameter_bytes=None,
        streamed_parameter_bytes=None,
        file=COMPILED_FILE,
    )


def _refusal(model: Any, found: Sequence[Call]) -> str | None:
    """Why the compiler takes none of a model, as far as its tracker tells."""
    if len(model.subgraphs) > 1:
        return f"It holds {len(model.subgraphs)} subgraphs, and the compiler takes one: unroll recurrent layers."
    free = [tensor for tensor in model.subgraphs[0].tensors if -1 in _signature(tensor)]
    if free:
        return (
            f"The size of {text(free[0].name)} is free, and the compiler takes static sizes alone "
            "(google-coral/edgetpu#829): convert it with a fixed batch of 1."
        )
    remarks = [table.judge(call.operation) for call in found]
    whole = next((remark for remark in remarks if remark is not None and remark.scope == "model"), None)
    return f"{whole.why} {whole.instead}".strip() if whole else None


def _signature(tensor: Any) -> list[int]:
    return [] if tensor.shapeSignature is None else [int(size) for size in tensor.shapeSignature]


def _enters(call: Call) -> bool:
    """Whether it makes int8 of a float input: the compiler leaves that to the CPU and begins behind it."""
    return call.operation.name == "QUANTIZE" and bool(call.float_tensors) and not {*call.dtypes} - table.DTYPES


def _culprit(found: Sequence[Call], leaves: Call) -> Call:
    """The operator to blame where `leaves` stays on the CPU: of a float island the one that computes in it."""
    if leaves.operation.name != "DEQUANTIZE":
        return leaves
    behind = found[found.index(leaves) + 1 :]
    return next((call for call in behind if call.float_tensors and call.operation.name not in _BORDERS), leaves)


def _against(call: Call) -> str:
    """Why an operator does not map, by the table; empty where it does."""
    if call.float_tensors:
        return "It reads or writes float tensors."
    foreign = {*call.dtypes} - table.DTYPES
    if foreign:
        return f"It writes {', '.join(sorted(foreign))}, not int8."
    remark = table.judge(call.operation)
    return remark.why if remark is not None and remark.severity == "blocks" else ""


def _remedy(call: Call) -> str:
    remark = table.judge(call.operation)
    if remark is not None and remark.instead:
        return remark.instead
    if call.operation.name == "DEQUANTIZE":  # that of an island is never the culprit: it makes a float32 output
        return "Export it with --io int8 or uint8."
    int8 = not call.float_tensors and not {*call.dtypes} - table.DTYPES
    return "" if int8 else "Make the model full-integer, as edgeswap export --int8 does."


def _handover(call: Call, reason: str) -> EdgeTpuHandover:
    return EdgeTpuHandover(
        operator=call.operation.name, tensor=call.written[0], layer=call.layer, reason=reason, remedy=_remedy(call)
    )


def _counted(found: Sequence[Call]) -> dict[str, int]:
    return dict(sorted(Counter(call.operation.name for call in found).items(), key=lambda item: (-item[1], item[0])))
