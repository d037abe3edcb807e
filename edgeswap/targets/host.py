"""This machine as a target: the device script as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap import shipped
from edgeswap.progress import Progress, Step
from edgeswap.targets.script import SCRIPT, Account, Listener, failure, silent


@dataclass(frozen=True)
class Host:
    """Runs the device script with this Python. It satisfies `edgeswap.measure.Target`.

    Attributes:
        name: as in `--target`.
        silence_s: how long the script may say nothing before it counts as hung, in seconds. It reports after every
            chunk of images and every block of timed runs.
    """

    name: str = "host"
    silence_s: float = 300.0

    def run(self, files: Mapping[str, Path], arguments: Sequence[str], *, progress: Progress) -> dict[str, Any]:
        """Run the script and return its JSON.

        Args:
            files: name to local path of all that the script reads.
            arguments: of the script; where one is a name of `files`, the script is given the file.
            progress: told how far the script is.

        Raises:
            TargetError: the script failed, crashed, was killed or hung; the problem ends in its own last words.
        """
        with tempfile.TemporaryDirectory(prefix="edgeswap-") as folder:
            answer = Path(folder) / "result.json"
            command = [sys.executable, str(shipped.path(SCRIPT))]
            command += [str(files.get(argument, argument)) for argument in arguments]
            with progress.step(f"Measuring on {self.name}", total=1.0) as step:
                self._watch([*command, "--json", str(answer), "--progress"], step)
            result: dict[str, Any] = json.loads(answer.read_text())
        return result

    def _watch(self, command: Sequence[str], step: Step) -> None:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
            errors="replace",
        ) as process:
            assert process.stderr is not None
            account = Account(step)
            listener = Listener(process.stderr, account)
            listener.start()
            try:
                while not listener.closed.wait(0):
                    if not listener.heard.wait(self.silence_s):
                        raise silent(self.name, self.silence_s, account)
                    listener.heard.clear()
                process.wait()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # the script has processes of its own
                raise
            finally:
                process.wait()
                listener.join()
        if process.returncode:
            raise failure(self.name, process.returncode, account)
