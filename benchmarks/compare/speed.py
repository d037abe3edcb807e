"""How fast a cell's file is: latency beside float32 on this machine, instructions on emulated Raspberry Pis."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.cells import Arrays, cell
from benchmarks.compare.figures import speedup

PIS = ("pi4", "pi5")
RUNTIME = "ai-edge-litert"


class Speed(NamedTuple):
    """What was measured of one file; None where it was not.

    Attributes:
        speedup: float32's latency by this one's, on one thread of this machine.
        instructions: M an inference, by Pi.
    """

    speedup: float | None
    instructions: dict[str, float] | None


def found(file: Path, folder: Path) -> Speed:
    """The speed of a `.tflite` as it was measured."""
    if not file.exists():
        return Speed(None, None)
    latency, counted = (list(folder.glob(f"{kind}-{_digest(file)}-*.npz")) for kind in ("latency", "instructions"))
    ratio = float(_arrays(latency[0])["speedup"]) if latency else None
    return Speed(ratio, {pi: float(value) for pi, value in _arrays(counted[0]).items()} if counted else None)


def measure_latency(float_file: Path, file: Path, samples: Path, folder: Path) -> None:
    """Keep the latency of a `.tflite` beside that of the float one, on a sample of `test` in the `.npz` `samples`."""

    def make() -> Arrays:
        with np.load(samples) as arrays:
            sample = arrays["test"][0]
        return {"speedup": np.array(speedup(float_file.read_bytes(), file.read_bytes(), sample))}

    cell(folder, f"latency-{_digest(file)}", {}, make)


def measure_instructions(file: Path, folder: Path) -> None:
    """Keep the instructions of an inference on each Pi; it needs what `edgeswap target build emulator` built."""
    from benchmarks.emulator import count  # noqa: PLC0415
    from edgeswap.targets.emulator.target import Emulator  # noqa: PLC0415

    def make() -> Arrays:
        model = {"model": np.frombuffer(file.read_bytes(), np.uint8)}
        return {pi: count(Emulator(pi, RUNTIME), model)["model"] for pi in PIS}

    cell(folder, f"instructions-{_digest(file)}", {"runtime": RUNTIME}, make)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _arrays(file: Path) -> Arrays:
    with np.load(file) as stored:
        return {key: stored[key] for key in stored.files}
