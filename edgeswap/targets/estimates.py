"""What compilers expect of the candidate on NPUs. Nothing runs there: these are no measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeswap.progress import Progress
from edgeswap.records import NpuEstimate, TargetFailure
from edgeswap.targets.failed import failed
from edgeswap.targets.names import require_known


@dataclass(frozen=True, eq=False)
class Estimates:
    """Of each NPU that was named, in order: what its compiler expects, or why it gave nothing."""

    npus: tuple[NpuEstimate, ...] = ()
    failures: tuple[TargetFailure, ...] = ()


def estimate_all(targets: Sequence[str], tflite_model: bytes, folder: Path, *, progress: Progress) -> Estimates:
    """Compile the candidate for every NPU among `targets`.

    Args:
        targets: names, of which those of other kinds are passed over.
        tflite_model: the int8 candidate.
        folder: where the compiled models go.
        progress: told of each.
    """
    npus, failures = [], []
    for name in targets:
        estimate = require_known(name).estimate
        if estimate is None:
            continue
        try:
            with progress.step(f"Compiling for {name}"):
                npus.append(estimate(tflite_model, name, folder))
        except Exception as error:  # noqa: BLE001  (whatever it is, it must take nothing from the other targets)
            failures.append(failed(name, error))
    return Estimates(tuple(npus), tuple(failures))
