"""Where edgeswap keeps what can be fetched or built again: the runtimes of boards, the emulator's Arm root."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`edgeswap` in the user's cache folder, by the XDG Base Directory Specification: a relative name there is none."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "edgeswap"
