"""Whether a large model has room on this machine, told before any work."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from edgeswap.errors import OutputError
from edgeswap.records import Caution

# Smaller models fit wherever TensorFlow does.
LARGE_BYTES = 200_000_000
# A SavedModel on the way to the converter, and beside it an int8 file.
COPIES_ON_DISK = 1.3
# VGG16, whose weights are 553 MB, took 3.7 GB in all processes.
COPIES_IN_MEMORY = 7
MEMORY = Path("/proc/meminfo")


def require_room(weights_bytes: int) -> Caution | None:
    """Refuse a model whose temporary files have no room; the warning that it needs where memory may not be enough.

    Args:
        weights_bytes: of the float32 model.

    Raises:
        OutputError: the disk of temporary files has too little room.
    """
    if weights_bytes < LARGE_BYTES:
        return None
    disk_bytes, memory_bytes = int(COPIES_ON_DISK * weights_bytes), COPIES_IN_MEMORY * weights_bytes
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if free < disk_bytes:
        raise OutputError(
            f"Expected {_gigabytes(disk_bytes)} of room for temporary files in {place!r}, which a model of "
            f"{_gigabytes(weights_bytes)} needs, got {_gigabytes(free)}.",
            "Free some space, or set TMPDIR to a folder on another disk.",
        )
    available = _available_bytes()
    if available is None or available >= memory_bytes:
        return None
    problem = (
        f"A model of {_gigabytes(weights_bytes)} needs about {_gigabytes(memory_bytes)} of memory in all processes, "
        f"and {_gigabytes(available)} is free."
    )
    return Caution(kind="little_memory", problem=problem, remedy="Close other programs, or take a larger machine.")


def _available_bytes() -> int | None:
    """Memory that programs can still have; None where the system does not tell."""
    if not MEMORY.is_file():
        return None
    lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines() if ":" in line)
    return int(lines["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in lines else None


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
