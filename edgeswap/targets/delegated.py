"""The candidate as a delegate takes it: for an Edge TPU, what its compiler makes of the int8 model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeswap.progress import Progress
from edgeswap.records import EdgeTpuMapping, TargetFailure
from edgeswap.targets.edgetpu.installed import COMPILER_MISSING, EDGE_TPU
from edgeswap.targets.failed import failed


@dataclass(frozen=True, eq=False)
class Delegated:
    """What to measure with which delegate.

    Attributes:
        candidate: the file to measure.
        delegate: for the device script; None is the runtime's own.
        mapping: onto the Edge TPU; None where another delegate, or none, was asked for.
        notes: warnings that belong to every figure taken so.
        failures: the Edge TPU, where its compiler failed.
        applied: whether the delegate that was asked for is used; False where the model is not compiled for it.
    """

    candidate: Path
    delegate: str | None
    mapping: EdgeTpuMapping | None = None
    notes: tuple[str, ...] = ()
    failures: tuple[TargetFailure, ...] = ()
    applied: bool = True


def delegated(delegate: str | None, candidate: Path, folder: Path, *, progress: Progress) -> Delegated:
    """Compile `candidate` where `delegate` is the Edge TPU; another delegate takes it as it is.

    A model that was not compiled is measured on the CPU, by the runtime's own delegate: libedgetpu takes none of it. A
    note says so beside the figures, and the mapping says by Coral's table what the Edge TPU would run.

    Args:
        delegate: of `--delegate`.
        candidate: the quantized model.
        folder: where the compiled model goes.
        progress: told of the compiling.
    """
    if delegate != EDGE_TPU:
        return Delegated(candidate, delegate)
    from edgeswap.targets.edgetpu.mapping import prepare  # noqa: PLC0415  (only an Edge TPU needs it)

    try:
        with progress.step("Compiling for the Edge TPU"):
            mapping = prepare(candidate.read_bytes(), folder)
    except Exception as error:  # noqa: BLE001  (whatever it is, it must take nothing from the other targets)
        failure = failed(EDGE_TPU, error)
        return Delegated(
            candidate, None, notes=(_on_the_cpu("its compiler failed."),), failures=(failure,), applied=False
        )
    if mapping.file is None:
        return Delegated(candidate, None, mapping, (_on_the_cpu(COMPILER_MISSING),), applied=False)
    return Delegated(folder / mapping.file, delegate, mapping)


def _on_the_cpu(why: str) -> str:
    return f"not-on-the-edge-tpu: these figures are the CPU's, since the model is not compiled: {why}"
