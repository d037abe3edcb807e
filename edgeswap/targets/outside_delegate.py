"""What a delegate left to other kernels, and why: the device script says which operators, tables say why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeswap.compatibility import edgetpu, xnnpack
from edgeswap.records import OutsideOperator
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.tflite.calls import NOTHING_KNOWN, Call, calls
from edgeswap.tflite.flatbuffer import read

NO_REASON = "The delegate gives no reason."


def outside(
    model: Path,
    left: Sequence[Mapping[str, str]] | None,
    *,
    delegate: str,
    runtime: str,
    layers: Mapping[str, str] = NOTHING_KNOWN,
) -> list[OutsideOperator] | None:
    """The operators of `model` that the delegate did not take, in the order in which they run, each with a reason.

    The runtime gives no reasons. For XNNPACK and the Edge TPU they come from the tables of `edgeswap.compatibility`.

    Args:
        model: a `.tflite` file.
        left: `operator` and `tensor` (that it writes) of each, as the device script answers; None without a delegate.
        delegate: as `--delegate` names it.
        runtime: the name of the package.
        layers: see `edgeswap.targets.measure.measure`.

    Raises:
        ModelError: it is no `.tflite` that can be read.
    """
    if not left:
        return None if left is None else []
    file = read(model.read_bytes())
    known = {call.written[0]: call for call in calls(file, layers) if call.written}
    found = []
    for one in left:
        call = known.get(one["tensor"])
        reason, remedy = NO_REASON, ""
        if call is not None and call.operation.name == one["operator"]:
            reason, remedy = _why(call, delegate, runtime)
        layer = None if call is None else call.layer
        found.append(OutsideOperator(**one, layer=layer, reason=reason, remedy=remedy))
    return found


def _why(call: Call, delegate: str, runtime: str) -> tuple[str, str]:
    """The reason and the remedy; an empty remedy where there is none."""
    if delegate == EDGE_TPU:
        return _why_not_on_the_edge_tpu(call)
    if delegate != "xnnpack" or call.float_tensors:
        return NO_REASON, ""
    if runtime == "tflite-runtime":
        return "tflite-runtime runs int8 without XNNPACK.", "Install ai-edge-litert there."
    lacks, remark = xnnpack.lacks(call.operation), xnnpack.judge(call.operation)
    return (lacks, remark.instead) if lacks and remark is not None else (NO_REASON, "")


def _why_not_on_the_edge_tpu(call: Call) -> tuple[str, str]:
    if call.float_tensors:
        return "The Edge TPU takes no float tensors.", "Export it with --io int8 or uint8."
    remark = edgetpu.judge(call.operation)
    return (NO_REASON, "") if remark is None or remark.severity != "blocks" else (remark.why, remark.instead)
