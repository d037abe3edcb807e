"""A target's compiler as a process of its own: it can crash or hang, and its error then ends in its own words."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from edgeswap.errors import TargetError
from edgeswap.targets.program import run_program

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
        ended = run_program(command, timeout_s=timeout_s, folder=folder)
    except OSError as error:
        raise TargetError(
            f"{name}: expected to start {command[0]}, got: {error.strerror or error}.", "Install it again."
        ) from error
    if ended.is_late:
        problem = f"{name}: expected it to end within {timeout_s:g} s, it did not and was ended."
    elif ended.code:
        way = f"failed with exit code {ended.code}" if ended.code > 0 else f"crashed with {_signal(ended.code)}"
        problem = f"{name}: expected a compiled model, the compiler {way}."
    else:
        return ended.said
    raise TargetError(problem, f"{remedy} {quote(ended.said)}")


def _signal(code: int) -> str:
    return signal.Signals(-code).name


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
