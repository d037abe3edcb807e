"""A microcontroller without one: the device script on this machine, with the kernels of TensorFlow Lite Micro.

Outputs are those of its reference kernels, which a chip's own (CMSIS-NN, ESP-NN) are made to equal. Time here means
nothing, so it is not taken; instead the memory that an inference needs is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.compatibility.micro import RESOLVERS
from edgeswap.errors import TargetError
from edgeswap.progress import Progress
from edgeswap.records import MicroMeasurement
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.host import Host
from edgeswap.targets.micro.installed import MICRO, PACKAGE, version
from edgeswap.targets.micro.memory import arena_use
from edgeswap.targets.raw_outputs import RawOutput, read_raw_outputs, with_steps
from edgeswap.tflite.flatbuffer import operators, read

# Its kernels are written to be read: ResNet8 takes some 40 ms a sample. Given --samples, it is that many.
SAMPLES = 1000
OTHER_OUTPUTS = "other_outputs.npz"
KERNELS = {
    "name": "reference-kernels",
    "seen": [{"model": None, "detail": "a PC ran them, and memory is that of a 64-bit machine"}],
    "advice": "Take times, and the last word on memory, on the microcontroller.",
}


@dataclass(frozen=True)
class Micro:
    """Runs the device script with TensorFlow Lite Micro. It satisfies `edgeswap.targets.measure.Target`.

    Attributes:
        name: as in `--target`.
        silence_s: how long the script may say nothing before it counts as hung, in seconds.
    """

    name: str = MICRO
    silence_s: float = 900.0

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        """Run the script and return its JSON, without times; each model in it has `micro`, a `MicroMeasurement`.

        Where outputs are asked for, ai-edge-litert runs the same samples, and `micro` says how far the two are apart.

        Args:
            files: name to local path of all that the script reads; the models' end in `.tflite`.
            arguments: of the script, without a delegate. Without `--samples` it is at most `SAMPLES`.
            brings: name to local path of all that the script writes beside its JSON.
            progress: told how far it is.

        Raises:
            TargetError: an operator is missing; the script failed, crashed, was killed or hung.
        """
        models = {name: path for name, path in files.items() if name.endswith(".tflite")}
        resolvers = {name: _resolvers(path) for name, path in models.items()}
        host = Host(self.name, self.silence_s)
        arguments = [*arguments, "--no-latency", "--no-load"]
        if "--data" in arguments and "--samples" not in arguments:
            arguments += ["--samples", str(SAMPLES)]
        answer = host.run(
            files, [*arguments, "--runtime", PACKAGE, "--delegate", "none"], progress=progress, brings=brings
        )
        apart = self._apart(files, arguments, answer, progress, brings or {})
        with progress.step("Asking how much memory it needs"):
            arenas = {name: arena_use(path) for name, path in models.items()}
        described = zip(answer["models"], models, apart, strict=True)
        measured = [
            {**model, "micro": MicroMeasurement(arena=arenas[name], operators=resolvers[name], **far)}
            for model, name, far in described
        ]
        return {
            **answer,
            "delegate": "none",
            # Instructions of this machine's CPU say nothing of a microcontroller.
            "machine": {
                **answer["machine"],
                "board": "a microcontroller's kernels on this machine",
                "int8_instructions": None,
            },
            "models": measured,
            "warnings": [*answer["warnings"], KERNELS],
        }

    def _apart(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        answer: Mapping[str, Any],
        progress: Progress,
        brings: Mapping[str, Path],
    ) -> list[dict[str, float | None]]:
        """For each model how far its outputs are from ai-edge-litert's; nothing where none were asked for."""
        if not brings:
            return [{} for _ in answer["models"]]
        ((name, kept),) = brings.items()
        with scratch_folder() as folder:
            path = folder / OTHER_OUTPUTS
            host = Host("ai-edge-litert, for comparison", self.silence_s)
            other = host.run(files, [*arguments, "--runtime", "ai-edge-litert"], progress=progress, brings={name: path})
            models = [path for each, path in files.items() if each.endswith(".tflite")]
            three = zip(models, read_raw_outputs(kept, answer), read_raw_outputs(path, other), strict=True)
            return [_difference(with_steps(mine, model), others) for model, mine, others in three]


def _difference(mine: Sequence[RawOutput], others: Sequence[RawOutput]) -> dict[str, float | None]:
    """Of all values of all outputs the share that differs, and by how many steps at most."""
    if any(one.array.dtype.kind == "f" and one.step is None for one in mine):  # computed in float, which has no steps
        return {"differing": None, "max_steps": None}
    far = [_steps(one, other) for one, other in zip(mine, others, strict=True)]
    return {
        "differing": sum(int(np.count_nonzero(steps)) for steps in far) / max(sum(steps.size for steps in far), 1),
        "max_steps": float(max((steps.max(initial=0) for steps in far), default=0)),
    }


def _steps(one: RawOutput, other: RawOutput) -> npt.NDArray[np.int64]:
    """How many steps apart each value is; float32 outputs of an int8 model are whole steps, too."""
    if one.array.dtype.kind == "f" and one.step is not None:
        whole: npt.NDArray[np.int64] = np.rint(np.abs(one.array.astype(np.float64) - other.array) / one.step).astype(
            int
        )
        return whole
    return np.abs(one.array.astype(np.int64) - other.array.astype(np.int64))


def _resolvers(model: Path) -> list[str]:
    """What adds the kernels of a model, in order of the names.

    Raises:
        TargetError: an operator has none.
    """
    found = operators(read(model.read_bytes()))
    lacking = [name for name in found if name not in RESOLVERS]
    if lacking:
        raise TargetError(
            f"{MICRO}: expected operators of TensorFlow Lite for Microcontrollers, got {', '.join(sorted(lacking))}, "
            f"which {PACKAGE} {version()} does not have.",
            f"For what to write instead: edgeswap check MODEL --target {MICRO}",
        )
    return sorted({RESOLVERS[name] for name in found})
