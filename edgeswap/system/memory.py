"""Memory that a large model has left, given back to the system before another process needs it."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Free what only refers to itself, as Keras models and traces do, and what the C library keeps for later."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
        if trim is not None:
            trim(0)
