"""This machine as a target: the device script as a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from edgeswap import shipped
from edgeswap.errors import TargetError
from edgeswap.progress import Progress, Step

SCRIPT = "deploy/benchmark.py"
LAST_WORDS = 20
# At the end of a line, not at its start: the runtime writes its own lines piece by piece.
PROGRESS = re.compile(r"progress (?P<fraction>[01](\.\d+)?) (?P<phase>\w+)\s*$")


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
            listener = _Listener(process.stderr, step)
            listener.start()
            try:
                while not listener.closed.wait(0):
                    if not listener.heard.wait(self.silence_s):
                        raise TargetError(
                            f"{self.name}: the device script said nothing for {self.silence_s:g} s and was ended.",
                            _quote(listener) or "Try fewer samples, or a smaller model.",
                        )
                    listener.heard.clear()
                process.wait()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # the script has processes of its own
                raise
            finally:
                process.wait()
                listener.join()
        if process.returncode:
            raise _failure(self.name, process.returncode, listener)


class _Listener(threading.Thread):
    """Reads the script's stderr: progress goes to the step, of the rest the last lines are kept."""

    def __init__(self, stream: IO[str], step: Step) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.step = step
        self.done = 0.0
        self.words: deque[str] = deque(maxlen=LAST_WORDS)
        self.heard = threading.Event()
        self.closed = threading.Event()

    def run(self) -> None:
        for line in self.stream:
            told = PROGRESS.search(line)
            if told:
                fraction = float(told["fraction"])
                self.step.advance(fraction - self.done, told["phase"])
                self.done = fraction
            elif line.strip() and not line.startswith("INFO: "):  # the runtime greets
                self.words.append(line.rstrip())
            self.heard.set()
        self.closed.set()
        self.heard.set()


def _failure(name: str, code: int, listener: _Listener) -> TargetError:
    words = list(listener.words)
    reported = next((index for index, line in enumerate(words) if line.startswith("error: ")), None)
    if code == 1 and reported is not None:
        problem = words[reported].removeprefix("error: ")
        return TargetError(f"{name}: {problem}", " ".join(words[reported + 1 :]) or "See the problem above.")
    if code < 0:
        ended = signal.Signals(-code).name
        hint = " Too little memory is the usual cause." if ended == "SIGKILL" else ""
        return TargetError(
            f"{name}: the device script was ended by {ended}.", _quote(listener) + hint or "Run it again."
        )
    return TargetError(
        f"{name}: the device script failed with exit code {code}.", _quote(listener) or "Run it by hand."
    )


def _quote(listener: _Listener) -> str:
    return f"Its last words: {' | '.join(listener.words)}" if listener.words else ""
