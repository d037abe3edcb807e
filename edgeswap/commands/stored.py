"""The run store as a run's settings ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edgeswap.config.export import ExportConfig
from edgeswap.errors import add_note
from edgeswap.progress import Progress
from edgeswap.store.run_store import RunStore, open_store
from edgeswap.system.devices import devices


def opened_store(config: ExportConfig, *, progress: Progress) -> RunStore:
    """The store of this run; one that keeps nothing for `--no-cache`."""
    return open_store(
        config.cache_dir, limit_bytes=config.cache_size, is_on=config.cache, devices=devices(), progress=progress
    )


@contextmanager
def telling_how_to_go_on(store: RunStore) -> Iterator[None]:
    """Whatever ends the block early also says what the store has of the run, and that the same command goes on."""
    try:
        yield
    except BaseException as error:
        if (said := store.how_to_go_on()) is not None:
            add_note(error, said)
        raise
