"""Run a case under a limit of time and memory, and say what it did; what it started ends with it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.hostile.draw import Case
from benchmarks.hostile.place import Place
from benchmarks.process_tree import tree

CHECKOUT = Path(__file__).resolve().parents[2]
TICK_S = 0.05
# Keras 2 and 3 keep what they have loaded; a process is replaced before that counts.
CASES_A_WORKER = 250
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Limits:
    """What a command may take: seconds, and bytes of resident memory above what its process had before.

    Where more programs want to run than there are cores, it may take as many times longer.
    """

    seconds: float
    bytes: int


@dataclass(frozen=True)
class Ran:
    """What came of a command.

    Attributes:
        end: whether it ended by itself, or was ended for its time or its memory.
        code: its exit code; negative: the signal that ended it.
        seconds: how long it took.
        grown_bytes: the most resident memory of it and its children above what there was before.
        stderr: the last 20,000 characters of what it said.
    """

    end: Literal["itself", "time", "memory"]
    code: int
    seconds: float
    grown_bytes: int
    stderr: str


class Workers:
    """The processes that one thread runs its cases in, made when they are needed.

    A case in a process that serves many is a call of `edgeswap.cli.main.run`; a fresh one is the command itself.
    """

    def __init__(self) -> None:
        self._serving: dict[bool, _Worker] = {}

    def run(self, case: Case, place: Place, limits: Limits) -> Ran:
        """Run the case in `place`, where its files already are."""
        if case.fresh:
            return _run_fresh(case, place, limits)
        heavy = _needs_tensorflow(case)
        worker = self._serving.get(heavy)
        if worker is None or worker.served >= CASES_A_WORKER:
            self._end(heavy)
            worker = self._serving[heavy] = _Worker(heavy)
        ran, alive = worker.run(case, place, limits)
        if not alive:
            self._end(heavy)
        return ran

    def close(self) -> None:
        """End all of them."""
        for heavy in list(self._serving):
            self._end(heavy)

    def _end(self, heavy: bool) -> None:
        if worker := self._serving.pop(heavy, None):
            _kill_tree(worker.process)


class _Worker:
    """A process of `benchmarks.hostile.worker`."""

    def __init__(self, heavy: bool) -> None:
        command = [sys.executable, "-m", "benchmarks.hostile.worker", *(["--tensorflow"] if heavy else [])]
        self.served = 0
        self.process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=_environment(CHECKOUT),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != b"ready":
            raise RuntimeError("Expected a worker to start, but it ended: run python -m benchmarks.hostile.worker.")

    def run(self, case: Case, place: Place, limits: Limits) -> tuple[Ran, bool]:
        """What came of it, and whether the process still serves."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.served += 1
        asked = {"program": case.program, "arguments": case.arguments, **place.as_json()}
        before, started = _tree_bytes(self.process.pid), time.monotonic()
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        self.process.stdin.flush()
        grown, end = _watch(self.process, before, started, limits, self.process.stdout.fileno())
        line = self.process.stdout.readline() if end == "itself" else b""
        seconds = time.monotonic() - started
        if line:
            return Ran(end, json.loads(line)["code"], seconds, grown, place.said()), True
        _kill_tree(self.process)
        return Ran(end, self.process.wait(), seconds, grown, place.said()), False


def _run_fresh(case: Case, place: Place, limits: Limits) -> Ran:
    programs = {
        "edgeswap": [str(Path(sys.executable).with_name("edgeswap"))],
        "benchmark.py": [sys.executable, str(CHECKOUT / "deploy" / "benchmark.py")],
    }
    started = time.monotonic()
    with place.stdout.open("wb") as stdout, place.stderr.open("wb") as stderr:
        process = subprocess.Popen(
            [*programs[case.program], *case.arguments],
            cwd=place.work,
            env={**_environment(place.home), "TMPDIR": str(place.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        grown, end = _watch(process, 0, started, limits, None)
        if end != "itself":
            _kill_tree(process)
        code = process.wait()
    return Ran(end, code, time.monotonic() - started, grown, place.said())


def _watch(
    process: subprocess.Popen[bytes], before: int, started: float, limits: Limits, answers: int | None
) -> tuple[int, Literal["itself", "time", "memory"]]:
    """Wait for an answer or the process's end; the most it grew, and why the wait ended."""
    most = 0
    while True:
        if answers is not None:
            if select.select([answers], [], [], TICK_S)[0]:
                return most, "itself"
        elif process.poll() is not None:
            return most, "itself"
        else:
            time.sleep(TICK_S)
        most = max(most, _tree_bytes(process.pid) - before)
        if most > limits.bytes:
            return most, "memory"
        if time.monotonic() - started > limits.seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)):
            return most, "time"


def _tree_bytes(pid: int) -> int:
    """Resident memory of all of them."""
    total = 0
    for each in tree(pid):
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * PAGE_BYTES
        except (OSError, IndexError):  # it has ended meanwhile
            continue
    return total


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """End the process and all below it, whatever they ignore."""
    for pid in tree(process.pid) if process.poll() is None else []:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _needs_tensorflow(case: Case) -> bool:
    return case.command in ("swap", "export") or (case.command == "check" and case.form != "tflite")


def _environment(home: Path) -> dict[str, Any]:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg", "CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **quiet, "PYTHONPATH": str(CHECKOUT), "XDG_CACHE_HOME": str(home / ".cache")}
