"""A target's compiler as a process of its own: it can crash or hang, and its error then ends in its own words."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from edgeswap.errors import TargetError

LAST_WORDS = 12  # lines
COLUMNS = 300


def run_compiler(name: str, command: Sequence[str], folder: Path, *, timeout_s: float, remedy: str) -> str:
    """What a compiler says while it does its work in `folder`.

    Args:
        name: of the compiler, for errors.
        command: the program and its arguments.
        folder: its working folder.
        timeout_s: how long it may take, in seconds, before it is ended with the processes that it started.
        remedy: one sentence: what to do where it fails.

    Returns:
        Its stdout and stderr, as they came.

    Raises:
        TargetError: it could not be started, failed, crashed or did not end.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise TargetError(
            f"{name}: expected to start {command[0]}, got: {error.strerror or error}.", "Install it again."
        ) from error
    with process:
        try:
            said, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            _end(process)
            said, _ = process.communicate()
            raise TargetError(
                f"{name}: expected it to end within {timeout_s:g} s, it did not and was ended.",
                f"{remedy} {quote(said)}",
            ) from late
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        code = process.returncode
        way = f"failed with exit code {code}" if code > 0 else f"crashed with {signal.Signals(-code).name}"
        raise TargetError(f"{name}: expected a compiled model, the compiler {way}.", f"{remedy} {quote(said)}")
    return said


def quote(said: str) -> str:
    """The last lines of what a compiler said, as a sentence; of a Python traceback only the exception."""
    lines = [line.strip()[:COLUMNS] for line in _without_frames(said.splitlines()) if line.strip()]
    return f"Its last words: {' | '.join(lines[-LAST_WORDS:])}" if lines else "It said nothing."


def _without_frames(lines: Iterable[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        inside = line.startswith("Traceback (") or (inside and line.startswith(" "))
        if not inside:
            yield line


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # the group of its own session: whatever it started, too
        process.wait()  # after an interrupt nobody else does
