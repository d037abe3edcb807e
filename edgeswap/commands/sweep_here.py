"""Exports of a sweep on this machine, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeswap.commands.sweep_runs import log_file
from edgeswap.system.child import child_command


@dataclass(frozen=True)
class Process:
    """An export that runs here, in a group of processes of its own."""

    process: subprocess.Popen[bytes]

    def ended(self) -> int | None:
        """See `edgeswap.commands.sweep_runs.Export`."""
        return self.process.poll()

    def stop(self) -> None:
        """Likewise; an export then removes what it has staged."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


@dataclass(frozen=True)
class Here:
    """This machine as a place for exports.

    Attributes:
        folder: of the sweep.
        jobs: exports at once.
        one_store: they share one run store.
    """

    folder: Path
    jobs: int
    one_store: bool = True

    def start(self, name: str, flags: Sequence[str]) -> Process:
        """See `edgeswap.commands.sweep_runs.Place`."""
        output = ("--output", str(self.folder / name), "--overwrite")
        with log_file(self.folder, name).open("wb") as log:
            command = [*child_command("edgeswap.cli.__main__"), "export", *flags, *output]
            return Process(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
                )
            )
