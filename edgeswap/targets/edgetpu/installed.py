"""Coral's compiler and library: are they here? Apart from their use, so that this is answered at once."""

from __future__ import annotations

import ctypes
import shutil

EDGE_TPU = "edgetpu"  # as in `--delegate`
COMPILER = "edgetpu_compiler"
LIBRARY = "libedgetpu.so.1"

COMPILER_MISSING = (
    f"{COMPILER} is not on the PATH (Debian package edgetpu-compiler of Coral's own repository, x86-64 alone; see "
    "deploy/coral/README.md); until it is, operators are judged by Coral's table and nothing is compiled."
)
LIBRARY_MISSING = (
    f"{LIBRARY} is not installed: package libedgetpu1-std, in the build of github.com/feranick/libedgetpu "
    "(16.0TF2.16.1 goes with tflite-runtime 2.11 to 2.16; Google's own of 2021 crashes with 2.12 and newer)."
)


def missing() -> list[str]:
    """What this machine lacks for compiling and for running: sentences, each with what mends it."""
    return [*([] if shutil.which(COMPILER) else [COMPILER_MISSING]), *([] if _has_library() else [LIBRARY_MISSING])]


def _has_library() -> bool:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True
