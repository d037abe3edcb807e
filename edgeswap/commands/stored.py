"""The run store as a run's settings ask for it."""

from __future__ import annotations

from edgeswap.config.export import ExportConfig
from edgeswap.frameworks import tf
from edgeswap.progress import Progress
from edgeswap.store.run_store import RunStore, open_store


def opened_store(config: ExportConfig, *, progress: Progress) -> RunStore:
    """The store of this run; one that keeps nothing for `--no-cache`."""
    devices = [f"{device.device_type} {device.name}" for device in tf.config.list_physical_devices()]
    return open_store(
        config.cache_dir, limit_bytes=config.cache_size, is_on=config.cache, devices=devices, progress=progress
    )
