"""Where edgeswap's cache is."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeswap.system.cache import cache_folder


def test_the_cache_is_where_the_desktop_keeps_such_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "edgeswap"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the specification: to be ignored
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "edgeswap"
