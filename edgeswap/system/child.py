"""A module of edgeswap run in a process of its own."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from edgeswap import forks

PACKAGES = Path(__file__).resolve().parents[2]  # the folder that holds the package
# How long a child that has imported TensorFlow, which takes seconds, waits to be asked again, as from one cell of a
# notebook to the next.
IDLE_S = 300.0
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_START = (
    "import sys; sys.path[:] = [*filter(None, sys.path), sys.argv.pop(1)]; "
    "import runpy; runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def child_command(module: str) -> tuple[str, ...]:
    """The command that runs `module`, such as `edgeswap.conversion.worker`; arguments go behind it.

    As `python -m`, which looks for every module in the working folder first. That may hold a stranger's files beside
    the model, and a `numpy.py` among them would run.
    """
    return sys.executable, "-c", _START, str(PACKAGES), module


def start(command: Sequence[str]) -> tuple[subprocess.Popen[bytes] | forks.Fork, IO[bytes]]:
    """The child of `child_command`, in a session of its own, and what it says on standard error.

    It is forked from this process where that may be done, and else a new Python.
    """
    if (fork := forks.take(command[-1])) is not None:
        return fork, fork.words
    words = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  (closed with the process)
    return (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, start_new_session=True),
        words,
    )


def end_with_parent() -> None:
    """Let the system kill this process when the one that started it ends; on Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
