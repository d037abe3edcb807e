"""This machine as a target: the device script as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.progress import Progress
from edgeswap.system import shipped
from edgeswap.system.installed import installed_version
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.script import SCRIPT, watch

# Imported, as Python keeps what it compiled of a module, but of a script nothing: a third of the time it starts in.
# Nothing is looked for in the working folder, which may be a stranger's.
_START = (
    "import os, sys; sys.argv.pop(0); folder, name = os.path.split(sys.argv[0]); "
    "sys.path[:] = [folder, *filter(None, sys.path)]; sys.exit(__import__(name[:-3]).main())"
)
RUNTIMES = ("ai-edge-litert", "tflite-runtime")


@dataclass(frozen=True)
class Host:
    """Runs the device script with a Python of this machine. It satisfies `edgeswap.targets.measure.Target`.

    Attributes:
        name: as in `--target`.
        silence_s: how long the script may say nothing before it counts as hung, in seconds. It reports after every
            chunk of images and every block of timed runs.
        python: what starts Python, with its options; this process's own by default.
        options: of the script, before those that each run gives it.
    """

    name: str = "host"
    silence_s: float = 300.0
    python: tuple[str, ...] = (sys.executable,)
    options: tuple[str, ...] = ()

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        """Run the script and return its JSON.

        Args:
            files: name to local path of all that the script reads.
            arguments: of the script; where one is a name of `files`, the script is given the file.
            brings: name to local path of all that the script writes beside its JSON; where an argument is one of these
                names, the script is given a place there, and the file is brought to the path.
            progress: told how far the script is.

        Raises:
            TargetError: the script failed, crashed, was killed or hung; the problem ends in its own last words.
        """
        with scratch_folder() as folder:
            answer = folder / "result.json"
            command = [*self.python, "-c", _START, str(shipped.path(SCRIPT))]
            paths = {**files, **{name: folder / name for name in brings or {}}}
            command += [str(paths.get(argument, argument)) for argument in (*self.options, *arguments)]
            with progress.step(f"Measuring on {self.name}", total=1.0) as step:
                watch([*command, "--json", str(answer), "--progress"], step, name=self.name, silence_s=self.silence_s)
            result: dict[str, Any] = json.loads(answer.read_text())
            for name, path in (brings or {}).items():
                shutil.move(folder / name, path)
        return result


def about() -> str:
    """What this machine is, with the runtime that the device script will find here."""
    system = os.uname()
    return f"this machine: {system.machine} {system.sysname}, {_runtime() or 'no TFLite runtime'}"


def missing() -> list[str]:
    """What this machine lacks, a sentence each; empty where it is ready."""
    return [] if _runtime() else ["No TFLite runtime is installed: pip install ai-edge-litert"]


def _runtime() -> str | None:
    """The first that is installed, with its version."""
    return next((f"{name} {version}" for name in RUNTIMES if (version := installed_version(name))), None)
