"""The converter's process, seen from outside: how far it is, when it is stuck, how it ended and what it said."""

from __future__ import annotations

import atexit
import json
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edgeswap.errors import ConversionError
from edgeswap.progress import Progress, Step
from edgeswap.system.child import child_command, start

WORKER = child_command("edgeswap.conversion.worker")


def start_early() -> None:
    """Let the process import TensorFlow beside this one, which will ask it for conversions within minutes."""
    with _standing.lock:
        _standing.ready()


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


def end_worker() -> None:
    """Let no process stand by: beside a large network there is no room for one."""
    with _standing.lock:
        _standing.close()


def run_worker(jobs: Sequence[Path], titles: Sequence[str], timeout_s: float, progress: Progress) -> None:
    """Convert the jobs in these folders, in which the results will stand.

    TensorFlow takes seconds to import, so one worker serves all calls and runs each in a fork of itself. It goes when
    this process does, or is idle for a while.

    Args:
        jobs: what `edgeswap.conversion.worker` is to do, in this order.
        titles: of the step that each of them is to `progress`.
        timeout_s: longest time without a sign of progress before the worker is killed.
        progress: told of each job: what it is doing, and each calibration sample.

    Raises:
        WorkerFailedError: a job ended otherwise than well.
    """
    with _standing.lock:
        request = json.dumps([str(job.absolute()) for job in jobs]).encode() + b"\n"
        worker = _standing.asked(request)
        watchdog = _Watchdog(worker, timeout_s)
        job, stage, code = 0, "start", None
        try:
            for job, title in enumerate(titles):
                with progress.step(title) as step:
                    stage, code = _follow(worker, stage, watchdog, step)
                    if (
                        job == 0 and code == 0 and stage in ("start", "import TensorFlow")
                    ):  # it had waited long enough just when it was asked
                        watchdog.worker = worker = _standing.asked(request)
                        stage, code = _follow(worker, stage, watchdog, step)
                if stage != "start":
                    break
            if code is None:
                code = _follow(worker, stage, watchdog, None)[1]
        finally:
            watchdog.stop()
            if code is None:
                worker.end()
        if code != 0 or watchdog.fired:
            way = None if watchdog.fired else code
            raise WorkerFailedError(job, stage, way, _end(way, timeout_s), worker.last_words())


class _Worker:
    """The process that serves, with what it and its forks say on standard error."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        # In a session of its own, so that its forks end with it, and Ctrl-C is for the process that waits.
        self.process, self.words = start(command)

    def ask(self, request: bytes) -> bool:
        """Send a request; False where the process has gone."""
        assert self.process.stdin is not None
        self.words.truncate(0)
        try:
            self.process.stdin.write(request)
            self.process.stdin.flush()
        except BrokenPipeError:
            return False
        return self.process.poll() is None

    def end(self) -> int:
        """End it and its forks; how it ended, see `subprocess.Popen.returncode`."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()

    def close(self) -> None:
        """Let go of a process that has ended."""
        for stream in (self.process.stdin, self.process.stdout, self.words):
            with suppress(BrokenPipeError):
                stream.close()  # type: ignore[union-attr]

    def last_words(self, lines: int = 40, columns: int = 1000) -> tuple[str, ...]:
        """The end of what was said on standard error since the last request, without TensorFlow's own chatter."""
        self.words.seek(0)
        text = self.words.read().decode(errors="replace").replace("\0", "")
        found = [line.rstrip() for line in text.splitlines() if line.strip() and not _is_noise(line)]
        return tuple(line[:columns] for line in found[-lines:])


class _Standing:
    """The one worker that stands by, if any does."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.worker: _Worker | None = None

    def ready(self) -> _Worker:
        """The worker, started where there is none."""
        if self.worker is None or self.worker.command != WORKER:
            self.close()
            self.worker = _Worker(WORKER)
        return self.worker

    def asked(self, request: bytes) -> _Worker:
        """A worker that is at this request."""
        if not self.ready().ask(request):
            self.close()
            self.ready().ask(request)
        return self.ready()

    def close(self) -> None:
        """Let none stand by."""
        if self.worker is not None:
            self.worker.end()
            self.worker.close()
            self.worker = None


_standing = _Standing()
atexit.register(_standing.close)


def _follow(worker: _Worker, stage: str, watchdog: _Watchdog, step: Step | None) -> tuple[str, int | None]:
    """Pass events on until a job is done or all is over; the stage it was in last, and how it ended if it did."""
    assert worker.process.stdout is not None
    for line in worker.process.stdout:
        watchdog.reset()
        event = json.loads(line)
        if event["stage"] == "done":
            return "start", None
        if event["stage"] == "ended":
            return stage, event["code"]
        stage = event["stage"]
        if step is not None:
            if "samples" in event:
                step.expect(event["samples"])
            step.advance(1 if stage == "calibrate" else 0, stage)
    return stage, worker.process.wait()


class _Watchdog:
    """Kills a process that has given no sign of progress for a while."""

    def __init__(self, worker: _Worker, timeout_s: float) -> None:
        self.worker = worker
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
        self.worker.end()


def _end(way: int | None, timeout_s: float) -> str:
    if way is None:
        return f"gave no sign of progress for {timeout_s:g} s and was stopped"
    if way == -signal.SIGKILL:
        return "was killed from outside (SIGKILL), most likely because memory ran out"
    if way < 0:
        return f"crashed ({signal.Signals(-way).name})"
    return f"failed (exit code {way})"


def _is_noise(line: str) -> bool:
    return line.startswith(("WARNING: All log messages before absl", "I0000", "W0000"))
