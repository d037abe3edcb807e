"""What a user may set for `edgeswap cache`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from edgeswap.config.settings import Settings, configured, flag, given
from edgeswap.system.cache import LIMIT_BYTES


class CacheConfig(Settings):
    """Which store, and how much of it is to stay."""

    cache_dir: Path | None = None
    cache_size: int = Field(default=LIMIT_BYTES, ge=0)


def cache_config(settings: Mapping[str, Any]) -> CacheConfig:
    """The configuration of `cache` from `settings`.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    return configured(CacheConfig, given(settings), flag)
