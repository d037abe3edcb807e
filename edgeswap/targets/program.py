"""A program beside ours, such as a compiler, as a process that leaves none of its own behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code; below 0 the signal that ended it.
        said: what it wrote.
        is_late: it took too long and was ended.
    """

    code: int
    said: str
    is_late: bool = False


def run_program(
    command: Sequence[str], *, timeout_s: float, folder: Path | None = None, hears_stdout: bool = True
) -> Ended:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        timeout_s: how long it may take, in seconds, before it is ended with the processes that it started.
        folder: its working folder; None is this process's own.
        hears_stdout: whether what it writes to stdout belongs to what it said; its stderr always does.

    Raises:
        OSError: it could not be started.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if hears_stdout else subprocess.DEVNULL,
        stderr=subprocess.STDOUT if hears_stdout else subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            outputs = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return Ended(process.returncode, _said(*process.communicate()), is_late=True)
        except BaseException:
            _end(process)
            raise
    return Ended(process.returncode, _said(*outputs))


def _said(stdout: str | None, stderr: str | None) -> str:
    return stdout or stderr or ""


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # the group of its own session: whatever it started, too
        process.wait()  # after an interrupt nobody else does
