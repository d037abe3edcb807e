"""A module of edgeswap run in a Python of its own."""

from __future__ import annotations

import ctypes
import signal
import sys
from pathlib import Path

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


def end_with_parent() -> None:
    """Let the system kill this process when the one that started it ends; on Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
