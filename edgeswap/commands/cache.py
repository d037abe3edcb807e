"""`cache`: what the run store holds, and the dropping of what was used least recently. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from edgeswap.config.cache import CacheConfig
from edgeswap.errors import OutputError
from edgeswap.records import StoredEntry, StoreReport
from edgeswap.store.entry import clear_abandoned
from edgeswap.store.place import store_folder
from edgeswap.store.prune import Entry, entries, prune


def list_cache(config: CacheConfig) -> StoreReport:
    """All that is in the store.

    Raises:
        OutputError: a file has the folder's place.
    """
    root = _folder(config)
    return _report(root, entries(root))


def prune_cache(config: CacheConfig) -> StoreReport:
    """What was dropped, so that the rest is no more than the limit; what killed runs left goes, too.

    Raises:
        OutputError: a file has the folder's place.
    """
    root = _folder(config)
    clear_abandoned(root)
    return _report(root, prune(root, config.cache_size))


def _folder(config: CacheConfig) -> Path:
    root = store_folder(config.cache_dir)
    if root.exists() and not root.is_dir():
        raise OutputError(f"Expected the folder of a run store, got the file {root}.", "Name another by --cache-dir.")
    return root


def _report(root: Path, told: Sequence[Entry]) -> StoreReport:
    return StoreReport(
        folder=str(root),
        size_bytes=sum(entry.size_bytes for entry in entries(root)),
        entries=[
            StoredEntry(
                key=entry.key,
                stage=entry.stage,
                size_bytes=entry.size_bytes,
                used=datetime.fromtimestamp(entry.used, timezone.utc).isoformat(timespec="seconds"),
            )
            for entry in reversed(told)
        ],
    )
