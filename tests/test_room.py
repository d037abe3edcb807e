"""A large model's need of memory and disk, told before any work."""

from __future__ import annotations

from collections import namedtuple

import pytest

from edgeswap.errors import OutputError
from edgeswap.system import room

Usage = namedtuple("Usage", "total used free")
VGG16_BYTES = 553_430_000


def test_a_small_model_is_never_held_up(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", None)
    assert room.require_room(14_000_000) is None


def test_too_little_room_for_temporary_files_is_refused(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: Usage(0, 0, 500_000_000))
    with pytest.raises(OutputError, match=r"0\.7 GB of room.* model of 0\.6 GB needs, got 0\.5 GB") as raised:
        room.require_room(VGG16_BYTES)
    assert "TMPDIR" in raised.value.remedy


@pytest.mark.parametrize(("kilobytes", "warns"), [(3_000_000, True), (16_000_000, False)])
def test_little_memory_is_a_warning(kilobytes, warns, tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text(f"MemTotal: 24000000 kB\nMemAvailable: {kilobytes} kB\n")
    monkeypatch.setattr(room, "MEMORY", tmp_path / "meminfo")
    caution = room.require_room(VGG16_BYTES)
    assert (caution is not None) == warns
    if caution is not None:
        assert "about 3.9 GB of memory in all processes, and 3.1 GB is free" in caution.problem


def test_a_system_that_does_not_tell_its_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "MEMORY", tmp_path / "nowhere")
    assert room.require_room(VGG16_BYTES) is None
