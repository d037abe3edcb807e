"""A Raspberry Pi without one: the device script in Arm's Python under QEMU, with the kernels that this Pi would choose.

Predictions and outputs are those of the board. Time under emulation means nothing, so it is not taken; instead the
instructions of an inference are counted, which are not milliseconds.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.errors import ConfigError, TargetError
from edgeswap.progress import Progress, Step
from edgeswap.system import shipped
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.emulator.pi import CORES, PIS, PREFIX
from edgeswap.targets.emulator.qemu import command, environment, qemu_version
from edgeswap.targets.emulator.root import build, built, missing
from edgeswap.targets.emulator.wheels import RUNTIMES
from edgeswap.targets.script import SCRIPT, watch

__all__ = ["Emulator", "build", "missing"]

# Each takes some hundred times as long as on a PC. Given --samples, it is that many.
SAMPLES = 200
# They differ by far less than 1 %, the first mostly: a runtime may prepare something then.
INFERENCES = 3
EMULATED = "emulated"
ADVICE = "Instructions are not milliseconds: compare models on one CPU by them, and take times on a board."


@dataclass(frozen=True)
class Emulator:
    """Runs the device script on an emulated Raspberry Pi. It satisfies `edgeswap.targets.measure.Target`.

    Attributes:
        pi: `pi3`, `pi4` or `pi5`.
        runtime: `ai-edge-litert` or `tflite-runtime`.
        workers: processes for accuracy; at most a Pi's cores are used, so that a large machine is not filled.
        silence_s: how long the script may say nothing before it counts as hung, in seconds. Counting says nothing.
    """

    pi: str
    runtime: str
    workers: int | None = None
    silence_s: float = 3600.0

    @property
    def name(self) -> str:
        """As in `--target`."""
        return f"{PREFIX}{self.pi}"

    @staticmethod
    def parse(name: str) -> list[Emulator]:
        """Both runtimes on the Pi that a name such as `emulator:pi5` means.

        Raises:
            ConfigError: there is no such Pi.
        """
        pi = name.removeprefix(PREFIX)
        if pi not in PIS or not name.startswith(PREFIX):
            known = ", ".join(f"{PREFIX}{known}" for known in PIS)
            raise ConfigError(f"Expected an emulated Raspberry Pi, got {name!r}.", f"Name one of {known}.")
        return [Emulator(pi, runtime) for runtime in RUNTIMES]

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        """Run the script and return its JSON, without times; each model in it has `instructions`, for an inference.

        Args:
            files: name to local path of all that the script reads; the models' end in `.tflite`.
            arguments: of the script; where one is a name of `files`, the script is given the file. Without `--samples`
                it is `SAMPLES`; whatever they say of threads, it is one.
            brings: name to local path of all that the script writes beside its JSON; where an argument is one of these
                names, the script is given a place there, and the file is brought to the path.
            progress: told how far it is.

        Raises:
            TargetError: the Arm root is not built; the script failed, crashed, was killed or hung.
        """
        root = built()
        models = [argument for argument in arguments if argument in files and argument.endswith(".tflite")]
        with scratch_folder() as folder:
            paths = {name: path.absolute() for name, path in files.items()}
            paths |= {name: folder / name for name in brings or {}}
            options = [str(paths.get(argument, argument)) for argument in arguments if argument not in models]
            given = [str(paths[name]) for name in models]
            options += ["--samples", str(SAMPLES)] if "--data" in options and "--samples" not in options else []
            options += ["--threads", "1", "--runtime", self.runtime]
            with progress.step(f"Running on {self.name}", total=1.0) as step:
                own = ["--no-latency", "--no-load", "--workers", str(self.workers or _cores())]
                own += ["--json", str(folder / "result.json")]
                self._watch(root, folder, [*given, *options, *own], step)
            answer: dict[str, Any] = json.loads((folder / "result.json").read_text())
            for name, path in (brings or {}).items():
                shutil.move(folder / name, path)
            with progress.step(f"Counting on {self.name}", total=1.0) as step:
                counted = self._instructions(root, folder, [*given, *options], len(models), step)
        described = zip(answer["models"], counted, strict=True)
        return {
            **answer,
            "models": [{**model, "instructions": instructions} for model, instructions in described],
            "warnings": [*answer["warnings"], self._warning()],
        }

    def _instructions(self, root: Path, folder: Path, options: Sequence[str], models: int, step: Step) -> list[int]:
        """Instructions of one inference of each model: between two marks of the script, the median of a few."""
        counts = folder / "counts.txt"
        self._watch(root, folder, [*options, "--inferences", str(INFERENCES)], step, counts=counts)
        marks = [int(line) for line in counts.read_text().split()]
        if len(marks) != models * (INFERENCES + 1):
            raise TargetError(
                f"{self.name}: expected {models * (INFERENCES + 1)} counts of instructions, got {len(marks)}.",
                "The device script and edgeswap must have the same version.",
            )
        each = [marks[first : first + INFERENCES + 1] for first in range(0, len(marks), INFERENCES + 1)]
        return [int(statistics.median(after - before for before, after in itertools.pairwise(own))) for own in each]

    def _watch(
        self, root: Path, folder: Path, options: Sequence[str], step: Step, *, counts: Path | None = None
    ) -> None:
        watch(
            [*command(root, self.pi, counts=counts), str(shipped.path(SCRIPT)), *options, "--progress"],
            step,
            name=self.name,
            silence_s=self.silence_s,
            environment=environment(root, self.runtime),
            folder=folder,  # where QEMU leaves the core file of a program that crashed
        )

    def _warning(self) -> dict[str, Any]:
        detail = f"instructions of an inference on one thread, by QEMU {qemu_version()} as {PIS[self.pi].core}"
        return {"name": EMULATED, "seen": [{"model": None, "detail": detail}], "advice": ADVICE}


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), CORES)
