"""A program that helps to build the emulator, such as mmdebstrap, as a process that leaves none of its own behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence

from edgeswap.errors import TargetError

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
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise TargetError(f"emulator: expected to run {name}, got: {error.strerror}.", remedy) from error
    with process:
        try:
            _, said = process.communicate(timeout=TIMEOUT_S)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # mmdebstrap starts apt, pip starts itself
            if isinstance(error, subprocess.TimeoutExpired):
                raise TargetError(f"emulator: {name} did not end within {TIMEOUT_S:g} s.", remedy) from error
            raise
    if process.returncode:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        quoted = f" Its last words: {' | '.join(lines[-LAST_WORDS:])}" if lines else ""
        raise TargetError(f"emulator: {name} failed with exit code {process.returncode}.", remedy + quoted)
