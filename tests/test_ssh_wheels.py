from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from edgeswap.errors import TargetError
from edgeswap.system import shipped
from edgeswap.targets.ssh.wheels import (
    FOR_EDGE_TPU,
    LITERT,
    REQUIREMENTS,
    TFLITE,
    Environment,
    Facts,
    choose,
)

# Which wheels there are of the pinned versions, as pip found them on 2026-11-22; of NumPy some that fit.
PUBLISHED = [
    *(
        f"ai_edge_litert-2.3.0-cp{minor}-cp{minor}-manylinux_2_27_{machine}.whl"
        for minor in (310, 311, 312, 313, 314)
        for machine in ("aarch64", "x86_64")
    ),
    *(
        f"tflite_runtime-2.14.0-cp{minor}-cp{minor}-manylinux_2_34_{machine}.whl"
        for minor in (39, 310, 311)
        for machine in ("aarch64", "armv7l")
    ),
    *(f"numpy-1.26.4-cp{minor}-cp{minor}-manylinux_2_17_aarch64.manylinux2014_aarch64.whl" for minor in (39, 310, 311)),
    *(
        f"numpy-2.4.0-cp{minor}-cp{minor}-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl"
        for minor in (311, 312, 313)
    ),
    *(
        f"ml_dtypes-0.6.0-cp{minor}-cp{minor}-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl"
        for minor in (310, 311, 312, 313, 314)
    ),
]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that the real pip finds: empty wheels of those names."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in PUBLISHED:
        package, version, *_ = name.split("-")
        with zipfile.ZipFile(folder / name, "w") as wheel:
            stem = f"{package}-{version}.dist-info"
            wheel.writestr(f"{stem}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
            wheel.writestr(f"{stem}/WHEEL", f"Wheel-Version: 1.0\nTag: {'-'.join(name[:-4].split('-')[2:])}\n")
            wheel.writestr(f"{stem}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def facts(python: str, machine: str = "aarch64", libc: str = "glibc 2.36", **more: object) -> Facts:
    major, minor, *_ = python.split(".")
    rest = {"pointer_bytes": 4 if machine.startswith("armv") else 8, "multiarch": "", "own": {}, **more}
    return Facts(machine=machine, python=python, abi=f"cp{major}{minor}", libc=libc, **rest)  # type: ignore[arg-type]


def names(environment: Environment) -> list[str]:
    return ["-".join(wheel.name.split("-")[:3]) for wheel in environment.wheels]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "runtime", "wheels"),
    [
        (
            facts("3.11.2"),
            LITERT,
            ["ai_edge_litert-2.3.0-cp311", "ml_dtypes-0.6.0-cp311", "numpy-2.4.0-cp311"],
        ),  # Raspberry Pi OS bookworm
        (
            facts("3.13.5", libc="glibc 2.41"),
            LITERT,
            ["ai_edge_litert-2.3.0-cp313", "ml_dtypes-0.6.0-cp313", "numpy-2.4.0-cp313"],
        ),  # trixie
        (facts("3.9.18"), TFLITE, ["numpy-1.26.4-cp39", "tflite_runtime-2.14.0-cp39"]),
        (facts("3.11.2", "armv7l", own={"numpy": "1.24.2"}), TFLITE, ["tflite_runtime-2.14.0-cp311"]),
        (facts("3.11.2", pointer_bytes=4, own={"numpy": "1.24.2"}), TFLITE, ["tflite_runtime-2.14.0-cp311"]),
        (facts("3.13.5", "armv7l", own={"numpy": "1.26.4", "tflite-runtime": "2.14.0"}), TFLITE, []),
        (facts("3.12.1", libc="", own={"numpy": "2.1.0", "ai-edge-litert": "2.1.0"}), LITERT, []),
    ],
)
def test_chooses_what_runs_there(index: Path, tmp_path: Path, board: Facts, runtime: str, wheels: list[str]) -> None:
    chosen = choose("board", board, cache=tmp_path / "cache")
    assert chosen.runtime == runtime
    assert names(chosen) == wheels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "problem", "remedy"),
    [
        (facts("3.13.5", "armv7l"), r"Python 3\.13\.5 \(cp313\) on armv7l with glibc 2\.36", "64-bit Raspberry Pi OS"),
        (facts("3.13.5", pointer_bytes=4), r"armv7l \(32-bit programs on a aarch64 kernel\)", "64-bit Raspberry Pi OS"),
        (facts("3.11.2", "armv7l"), "armv7l", "python3-numpy"),
        (facts("3.11.2", "armv7l", own={"numpy": "2.1.0"}), "armv7l", "python3-numpy"),
        (facts("3.11.2", "armv6l"), "armv6l", "64-bit Arm or x86"),
        (facts("3.12.1", libc="", multiarch="aarch64-linux-musl"), "with musl", "glibc"),
        (facts("3.9.2", libc="glibc 2.31"), r"glibc 2\.31", "newer system"),
        (facts("3.13.5", own={"numpy": "2.4.0", "tflite-runtime": "2.14.0"}, libc=""), "none is installed", "glibc"),
    ],
)
def test_says_that_nothing_runs_there(index: Path, tmp_path: Path, board: Facts, problem: str, remedy: str) -> None:
    with pytest.raises(TargetError, match=problem) as raised:
        choose("board", board, cache=tmp_path / "cache")
    assert remedy in raised.value.remedy
    assert not list((tmp_path / "cache").glob("*"))  # that there is none today is nothing to remember


@pytest.mark.slow
def test_for_an_edge_tpu_the_runtime_that_its_library_was_built_against_goes_first(index: Path, tmp_path: Path) -> None:
    def chosen(python: str) -> str:
        return choose("b", facts(python), runtimes=FOR_EDGE_TPU, cache=tmp_path / "cache").runtime

    assert chosen("3.11.2") == TFLITE
    assert chosen("3.13.5") == LITERT  # there is no other


@pytest.mark.slow
def test_what_was_found_once_is_found_without_a_connection(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = choose("board", facts("3.11.2"), cache=tmp_path / "cache")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert choose("board", facts("3.11.2"), cache=tmp_path / "cache") == first
    with pytest.raises(TargetError):
        choose("board", facts("3.13.5"), cache=tmp_path / "cache")


@pytest.mark.slow
def test_no_connection_is_told_from_no_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(TargetError, match="pip could not look for the board's packages"):
        choose("board", facts("3.11.2"), cache=tmp_path / "cache")


def test_a_cache_that_cannot_be_written_to(index: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match="Not a directory") as raised:
        choose("board", facts("3.11.2"), cache=tmp_path / "file" / "cache")
    assert "XDG_CACHE_HOME" in raised.value.remedy


def test_platform_tags() -> None:
    tags = facts("3.11.2").platforms
    assert tags[0] == "manylinux_2_36_aarch64"
    assert "manylinux_2_17_aarch64" in tags
    assert "manylinux2014_aarch64" in tags
    assert "manylinux_2_16_aarch64" not in tags
    assert facts("3.11.2", "x86_64").architecture == "x86_64"
    assert facts("3.11.2", libc="").platforms == []


def test_the_versions_are_those_for_a_board_set_up_by_hand() -> None:
    lines = shipped.path("deploy/requirements.txt").read_text().splitlines()
    pinned = {line.split(" ")[0] for line in lines if "==" in line.split(" ;")[0]}
    assert {first for first, *_ in REQUIREMENTS.values()} <= pinned
