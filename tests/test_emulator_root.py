"""What the emulator runs in: when it is ready, where it is kept, what is left when building it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeswap.errors import OutputError, TargetError
from edgeswap.targets.emulator import root as emulator_root
from edgeswap.targets.emulator.qemu import QEMU
from edgeswap.targets.emulator.root import BUILD, build, built, location, missing


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts programs that only say something on an otherwise empty PATH; the cache is empty too."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def put(**said: str) -> None:
        for name, text in said.items():
            tool = folder / name.replace("_", "-")
            tool.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{text}\nEND\n")
            tool.chmod(0o755)

    return put


def test_everything_that_is_missing_is_named_with_what_mends_it(tools: Callable[..., None]) -> None:
    found = missing()
    for tool, sentence in zip((QEMU, "mmdebstrap", "gcc"), found, strict=False):
        assert sentence.startswith(f"{tool} is not on PATH.")
        assert "apt install qemu-user mmdebstrap gcc libc6-dev" in sentence
    assert found[-1].endswith(f"Run: {BUILD}")
    assert len(found) == 4
    with pytest.raises(TargetError, match=r"qemu-aarch64 is not on PATH\.\n"):
        build()
    with pytest.raises(TargetError, match="expected qemu-aarch64 on PATH"):
        built()


def test_a_root_that_is_not_built_names_the_command(tools: Callable[..., None]) -> None:
    tools(qemu_aarch64="qemu-aarch64 version 7.2.22 (Debian)\n-plugin", mmdebstrap="", gcc="")
    assert missing() == [f"The Arm root is not built yet. Run: {BUILD}"]
    with pytest.raises(TargetError) as raised:
        built()
    assert raised.value.remedy == f"Run: {BUILD}"


def test_a_qemu_without_plugins_is_told_before_anything_is_fetched(tools: Callable[..., None]) -> None:
    tools(qemu_aarch64="qemu-aarch64 version 10.0.2 (Debian 13)\n-cpu", mmdebstrap="", gcc="")
    with pytest.raises(TargetError, match=r"10\.0\.2 takes no plugins") as raised:
        build()
    assert "Debian 12" in raised.value.remedy


def test_the_folder_is_named_after_what_it_is_made_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one = location("7.2.22")
    assert one.parent == tmp_path / "edgeswap" / "emulator"
    assert one == location("7.2.22")
    others = {location("7.2.23")}
    monkeypatch.setattr(emulator_root, "requirements", lambda: {"ai-edge-litert": ("ai-edge-litert==9", "numpy==9")})
    others.add(location("7.2.22"))
    assert len({one, *others}) == 3
    # The XDG Base Directory Specification: a relative path is ignored.
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert location("7.2.22").is_relative_to(Path.home() / ".cache")


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Building without what needs a network or an emulated Python; returns the empty cache."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(emulator_root, "missing", list)
    monkeypatch.setattr(emulator_root, "qemu_version", lambda: "7.2.22")
    monkeypatch.setattr(emulator_root, "compile_plugin", lambda folder, qemu: None)
    monkeypatch.setattr(emulator_root, "unpack_debian", lambda folder: folder.mkdir())
    monkeypatch.setattr(emulator_root, "unpack_wheels", lambda folder, specifiers: folder.mkdir())
    monkeypatch.setattr(emulator_root, "_try", lambda folder, runtime, version: None)
    return cache


def test_it_is_built_once(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build()
    assert {path.name for path in folder.iterdir()} == {"root", "pi3", "pi4", "pi5", "ai-edge-litert", "tflite-runtime"}
    monkeypatch.setattr(emulator_root, "unpack_debian", None)
    assert build() == built() == folder


@pytest.mark.parametrize("way", [TargetError("x", "y"), KeyboardInterrupt()])
def test_a_build_that_does_not_end_leaves_nothing(
    way: BaseException, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path, runtime: str, version: str) -> None:
        raise way

    monkeypatch.setattr(emulator_root, "_try", fail)
    with pytest.raises(type(way)):
        build()
    assert not offline.exists()


def test_another_run_that_was_faster_is_no_failure(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_root, "_try", lambda folder, runtime, version: location("7.2.22").mkdir(exist_ok=True))
    folder = build()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_full_disk(offline: Path, full_disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    cache = full_disk("64k")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(emulator_root, "_try", lambda folder, *_: (folder / "large").write_bytes(bytes(1 << 20)))
    with pytest.raises(OutputError, match="No space left"):
        build()
    assert list(cache.iterdir()) == []
