"""bundle verify --runtime: the golden vectors under another version of a runtime, in an environment of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeswap.bundle.verify import verify
from edgeswap.errors import ConfigError
from edgeswap.targets.host import Host
from edgeswap.targets.other_runtime import location, parse_runtime
from tests.bundles import image_bundle, manifest
from tests.conftest import Ran


@pytest.mark.parametrize(
    "requirement",
    [
        "ai-edge-litert",
        "ai-edge-litert>=2",
        "ai-edge-litert==2.*",
        "ai-edge-litert==2.2.0 --index-url http://localhost",
        "ai-edge-litert==2.2.0\n",
        "ai-edge-litert @ file:///tmp/x.whl",
        "--index-url=x",
        "-r requirements.txt",
        "./wheel.whl",
        "numpy==2.0.0",
        "tflite-runtime==2.14.0,<3",
        "tflite-runtime==../x",
        "",
    ],
)
def test_what_is_no_version_of_a_runtime_is_refused(requirement: str) -> None:
    with pytest.raises(ConfigError, match="Expected a runtime with its version"):
        parse_runtime(requirement)


@pytest.mark.parametrize("requirement", ["ai-edge-litert==2.2.0", "tflite-runtime==2.14.0", "tensorflow==2.20.0rc0"])
def test_a_version_of_a_runtime_is_taken(requirement: str) -> None:
    assert str(parse_runtime(requirement)) == requirement


def test_a_wrong_one_ends_before_any_work(place: Path, edgeswap: Callable[..., Ran]) -> None:
    ran = edgeswap("bundle", "verify", "missing.zip", "--runtime", "numpy==2.0.0")
    assert (ran.code, "ai-edge-litert, tflite-runtime, tensorflow" in ran.stderr) == (2, True)


def test_each_version_has_an_environment_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names = ("ai-edge-litert==2.2.0", "ai-edge-litert==2.3.0", "tflite-runtime==2.2.0")
    folders = {location(parse_runtime(name)) for name in names}
    assert len(folders) == 3
    assert {folder.parent for folder in folders} == {tmp_path / "edgeswap/runtimes"}


@pytest.mark.slow
def test_a_version_that_does_not_install_is_a_row_with_what_pip_says(
    monkeypatch: pytest.MonkeyPatch, place: Path, edgeswap: Callable[..., Ran]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (place / "bundle.zip").write_bytes(image_bundle(place))
    ran = edgeswap("bundle", "verify", "bundle.zip", "--runtime", "ai-edge-litert==0.0.1", "--json")
    found = json.loads(ran.stdout)
    (row,) = found["runtimes"]
    assert (ran.code, found["passed"], row["ran"], row["max_steps"]) == (1, False, False, None)
    assert "1 of 1 runtimes gave no outputs: ai-edge-litert==0.0.1." in ran.stderr
    assert "No matching distribution found for ai-edge-litert==0.0.1" in row["problem"]
    assert not any(check["faults"] for check in found["checks"])
    assert not (place / "cache/edgeswap/runtimes").exists()  # nothing half made is kept


@pytest.mark.slow
def test_the_golden_vectors_under_another_version(
    monkeypatch: pytest.MonkeyPatch, place: Path, edgeswap: Callable[..., Ran]
) -> None:
    """Downloads some 30 MB."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    made = image_bundle(place)
    (place / "bundle.zip").write_bytes(made)
    asked = ("bundle", "verify", "bundle.zip", "--runtime", "ai-edge-litert==2.2.0")
    ran = edgeswap(*asked)
    assert ran.code == 0, ran.stdout + ran.stderr
    allowed = str(manifest(made).golden.tolerance_steps)
    (row,) = (line.split() for line in ran.stdout.splitlines() if line.startswith("ai-edge-litert"))
    assert row == ["ai-edge-litert==2.2.0", "0", allowed, "right"]  # its kernels round as those of 2.3.0 here

    monkeypatch.setenv("PIP_NO_INDEX", "1")  # the environment is there: nothing is fetched again
    found = json.loads(edgeswap(*asked, "--json").stdout)
    assert [row["problem"] for row in found["runtimes"]] == [None]


@pytest.mark.slow
@pytest.mark.rare
def test_tensorflow_is_a_runtime_too(tmp_path: Path) -> None:
    """By this Python's own TensorFlow, as an environment with one takes 600 MB; run it by `pytest -m rare`."""
    import tensorflow

    (tmp_path / "bundle.zip").write_bytes(image_bundle(tmp_path))
    here = Host(name="tensorflow", python=(sys.executable, "-I"), options=("--runtime", "tensorflow"))
    found = verify(tmp_path / "bundle.zip", [here])
    assert found.passed, found
    assert found.checks[-1].about.startswith(f"tensorflow {tensorflow.__version__}: greatest difference")
