"""The converter's process, seen from outside: how far it is, when it is stuck, how it ended and what it said."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from edgeswap.errors import ConversionError
from edgeswap.progress import Progress, Step
from edgeswap.system.child import child_command

WORKER = child_command("edgeswap.conversion.worker")


class WorkerFailedError(ConversionError):
    """How the child process ended; the error says it with the converter's words at length.

    Attributes:
        job: which conversion it was at.
        stage: what it was doing.
        way: exit code, or minus the number of the signal that ended it; None where it was stopped for its silence.
        words: the last that it said, by lines.
    """

    def __init__(self, job: int, stage: str, way: int | None, end: str, words: Sequence[str]) -> None:
        self.job, self.stage, self.way, self.end, self.words = job, stage, way, end, words
        said = "\n".join(words) or "(it said nothing)"
        super().__init__(f"In stage {stage!r} the converter {end}; its last words:", said)


def run_worker(jobs: Sequence[Path], titles: Sequence[str], timeout_s: float, progress: Progress) -> None:
    """Convert the jobs in these folders, in which the results will stand.

    Args:
        jobs: what `edgeswap.conversion.worker` is to do, in this order.
        titles: of the step that each of them is to `progress`.
        timeout_s: longest time without a sign of progress before the child is killed.
        progress: told of each job.

    Raises:
        WorkerFailedError: the child ended otherwise than well.
    """
    command = [*WORKER, *map(str, jobs)]
    stderr_path = jobs[0].parent / "stderr.txt"
    with stderr_path.open("wb") as stderr, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as worker:
        watchdog = _Watchdog(worker, timeout_s)
        job, stage = 0, "start"
        try:
            assert worker.stdout is not None
            for job, title in enumerate(titles):  # noqa: B007  (the last one is told of)
                with progress.step(title, total=1.0) as step:
                    stage = _follow(worker.stdout, stage, watchdog, step)
                if stage != "start":
                    break
            worker.wait()
        finally:
            watchdog.stop()
            worker.kill()
    if worker.returncode != 0:
        way = None if watchdog.fired else worker.returncode
        raise WorkerFailedError(job, stage, way, _end(way, timeout_s), _last_words(stderr_path))


# Parts of the time that a small model takes; what follows the last of them is not known and left out.
_SHARES = {"import": 0.6, "load": 0.1, "calibrate": 0.2}


def _follow(events: IO[bytes], stage: str, watchdog: _Watchdog, step: Step) -> str:
    """Pass the worker's events on until a job is done or the worker has ended; the stage it was in last."""
    samples = 1
    for line in events:
        watchdog.reset()
        event = json.loads(line)
        samples = event.get("samples", samples)
        match event["stage"]:
            case "done":
                return "start"
            case "import TensorFlow":
                step.advance(_SHARES["import"] * event["share"])
            case "load":
                step.advance(_SHARES["load"])
            case "calibrate":
                step.advance(_SHARES["calibrate"] / samples)
        stage = event["stage"]
    return stage


class _Watchdog:
    """Kills a process that has given no sign of progress for a while."""

    def __init__(self, process: subprocess.Popen[bytes], timeout_s: float) -> None:
        self.process = process
        self.timeout_s = timeout_s
        self.fired = False
        self._timer = self._start()

    def reset(self) -> None:
        self._timer.cancel()
        self._timer = self._start()

    def stop(self) -> None:
        self._timer.cancel()

    def _start(self) -> threading.Timer:
        timer = threading.Timer(self.timeout_s, self._fire)
        timer.daemon = True
        timer.start()
        return timer

    def _fire(self) -> None:
        self.fired = True
        self.process.kill()


def _end(way: int | None, timeout_s: float) -> str:
    if way is None:
        return f"gave no sign of progress for {timeout_s:g} s and was stopped"
    if way == -signal.SIGKILL:
        return "was killed from outside (SIGKILL), most likely because memory ran out"
    if way < 0:
        return f"crashed ({signal.Signals(-way).name})"
    return f"failed (exit code {way})"


def _last_words(path: Path, lines: int = 40, columns: int = 1000) -> tuple[str, ...]:
    text = path.read_text(errors="replace")
    found = [line.rstrip() for line in text.splitlines() if line.strip() and not _is_noise(line)]
    return tuple(line[:columns] for line in found[-lines:])


def _is_noise(line: str) -> bool:
    return line.startswith(("WARNING: All log messages before absl", "I0000", "W0000"))
