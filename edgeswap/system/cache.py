"""Where edgeswap keeps what can be fetched or built again: the runtimes of boards, the emulator's Arm root."""

from __future__ import annotations

from pathlib import Path

LIMIT_BYTES = 5 * 2**30  # of what the run store keeps, unless a user says otherwise


def cache_folder() -> Path:
    """`edgeswap` in the user's cache folder, on Linux by the XDG Base Directory Specification."""
    from platformdirs import user_cache_path  # noqa: PLC0415  (--help needs the limit alone)

    return user_cache_path("edgeswap")
