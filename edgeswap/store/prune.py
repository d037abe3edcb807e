"""Entries of the store by their last use, and the oldest of them dropped where all are more than a limit."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgeswap.store.entry import MANIFEST, drop

_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        key: its name.
        stage: what it is the result of; `unknown` where its manifest is damaged.
        size_bytes: of its files together.
        used: seconds since 1970 at which it was last written or read.
    """

    key: str
    stage: str
    size_bytes: int
    used: float


def entries(root: Path) -> list[Entry]:
    """All entries, the one that was used last at the end; none where there is no store."""
    found = []
    for folder in root.iterdir() if root.is_dir() else ():
        if _KEY.fullmatch(folder.name) and folder.is_dir():
            with suppress(FileNotFoundError):  # another run drops it
                size = sum(path.stat().st_size for path in folder.iterdir())
                found.append(Entry(folder.name, _stage(folder), size, folder.stat().st_mtime))
    return sorted(found, key=lambda entry: (entry.used, entry.key))


def prune(root: Path, limit_bytes: int) -> list[Entry]:
    """Drop the entries that were used least recently until the rest is no more than the limit; those that went."""
    kept = entries(root)
    size = sum(entry.size_bytes for entry in kept)
    dropped = []
    for entry in kept:
        if size <= limit_bytes:
            break
        drop(root, entry.key)
        dropped.append(entry)
        size -= entry.size_bytes
    return dropped


def _stage(folder: Path) -> str:
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["stage"])
    except (ValueError, KeyError, TypeError):
        return "unknown"
