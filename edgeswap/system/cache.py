"""Where edgeswap keeps what can be fetched or built again: the runtimes of boards, the emulator's Arm root."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """`edgeswap` in the user's cache folder, on Linux by the XDG Base Directory Specification."""
    return user_cache_path("edgeswap")
