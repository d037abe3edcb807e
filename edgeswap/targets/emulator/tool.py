"""A program that helps to build the emulator, such as mmdebstrap."""

from __future__ import annotations

import os
from collections.abc import Sequence

from edgeswap.errors import TargetError
from edgeswap.targets.program import run_program

TIMEOUT_S = 1800.0
LAST_WORDS = 3


def run_tool(command: Sequence[str], *, remedy: str) -> None:
    """Run a program to its end.

    Args:
        command: the program and its arguments; it is named by the first.
        remedy: what to do if it fails.

    Raises:
        TargetError: it is not there, failed or did not end; its last words come with the remedy.
    """
    name = os.path.basename(command[0])  # noqa: PTH119  (a name, no path)
    try:
        ended = run_program(command, timeout_s=TIMEOUT_S, hears_stdout=False)
    except OSError as error:
        raise TargetError(f"emulator: expected to run {name}, got: {error.strerror}.", remedy) from error
    if ended.is_late:
        raise TargetError(f"emulator: {name} did not end within {TIMEOUT_S:g} s.", remedy)
    if ended.code:
        lines = [line.strip() for line in ended.said.splitlines() if line.strip()]
        quoted = f" Its last words: {' | '.join(lines[-LAST_WORDS:])}" if lines else ""
        raise TargetError(f"emulator: {name} failed with exit code {ended.code}.", remedy + quoted)
