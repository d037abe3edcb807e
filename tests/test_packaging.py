"""What the wheel carries, and what a board is told to install."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from edgeswap.version import __version__

CHECKOUT = Path(__file__).resolve().parent.parent
SHIPPED = {
    "edgeswap/_data/benchmark.py": "deploy/benchmark.py",
    "edgeswap/_data/instructions.c": "deploy/emulator/instructions.c",
    "edgeswap/_data/digits.npz": "calibration/digits.npz",
    "edgeswap/_data/manifest.json": "calibration/manifest.json",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(CHECKOUT)]
    subprocess.run(pip, check=True)
    (built,) = folder.glob("edgeswap-*.whl")
    return zipfile.ZipFile(built)


@pytest.mark.slow
def test_wheel_carries_the_whole_package(wheel: zipfile.ZipFile) -> None:
    sources = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "edgeswap").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {
        "edgeswap/py.typed",
        "edgeswap/cli/main.py",
        "edgeswap/report/report.schema.json",
        "edgeswap/report/analysis.schema.json",
    } <= sources
    assert any(name.endswith(".jinja") for name in sources)
    assert {name for name in wheel.namelist() if name.startswith("edgeswap/")} == sources | set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_wheel_carries_the_device_script_and_the_sample(wheel: zipfile.ZipFile, name: str) -> None:
    assert wheel.read(name) == (CHECKOUT / SHIPPED[name]).read_bytes()


@pytest.mark.slow
def test_an_unpacked_wheel_starts_without_the_checkout(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    program = "import edgeswap, sys; from edgeswap.cli.main import main; print(edgeswap.__file__); main()"
    command = [sys.executable, "-c", program, "--help"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert ran.stdout.startswith(str(tmp_path))  # else an installed edgeswap answered
    assert "Quantize a Keras model" in ran.stdout
    sample = "import edgeswap.system.shipped as s; print(s.path('calibration/digits.npz'))"
    found = subprocess.run(
        [sys.executable, "-c", sample], check=True, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert Path(found.stdout.strip()) == tmp_path / "edgeswap" / "_data" / "digits.npz"


def test_wheel_names_its_command_and_its_licence(wheel: zipfile.ZipFile) -> None:
    information = {name.split("/", 1)[1]: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "edgeswap = edgeswap.cli.main:main" in wheel.read(information["entry_points.txt"]).decode()
    assert "License-Expression: Apache-2.0" in wheel.read(information["METADATA"]).decode()
    assert {"licenses/LICENSE", "licenses/NOTICE"} <= set(information)


def test_the_metadata_are_what_a_registry_takes(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = Metadata.from_email(wheel.read(name), validate=True)  # the build itself refuses unknown classifiers
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description is not None
    assert metadata.description.startswith("# edgeswap")
    assert {"test", "lint", "docs", "ethos-u", "micro"} <= set(metadata.provides_extra or ())
    cited = re.search(r"^version: (.*)$", (CHECKOUT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited is not None
    assert cited[1] == str(metadata.version) == __version__


def _required_on(python: str, machine: str, system: str = "Linux") -> list[Requirement]:
    """The lines of deploy/requirements.txt whose markers hold there. pip evaluates them for its own Python only."""
    lines = (CHECKOUT / "deploy/requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    where = {"python_version": python, "platform_machine": machine, "platform_system": system}
    return [wanted for wanted in requirements if wanted.marker and wanted.marker.evaluate(where)]


@pytest.mark.parametrize(
    ("python", "machine", "system", "runtime", "numpy_major"),
    [
        ("3.9", "aarch64", "Linux", "tflite-runtime", 1),
        ("3.9", "armv7l", "Linux", "tflite-runtime", 1),
        ("3.10", "aarch64", "Linux", "ai-edge-litert", 2),
        ("3.11", "aarch64", "Linux", "ai-edge-litert", 2),
        ("3.11", "armv7l", "Linux", "tflite-runtime", 1),
        ("3.11", "x86_64", "Linux", "ai-edge-litert", 2),
        ("3.12", "x86_64", "Linux", "ai-edge-litert", 2),
        ("3.13", "aarch64", "Linux", "ai-edge-litert", 2),
        ("3.13", "armv7l", "Linux", "ai-edge-litert", 2),  # which has no wheel: pip says so
        ("3.11", "arm64", "Darwin", "ai-edge-litert", 2),
        ("3.12", "AMD64", "Windows", "ai-edge-litert", 2),
    ],
)
def test_each_board_gets_one_runtime_and_its_numpy(
    python: str, machine: str, system: str, runtime: str, numpy_major: int
) -> None:
    first, second = _required_on(python, machine, system)
    assert first.name == runtime
    assert second.name == "numpy"
    assert second.specifier.contains({1: "1.26.4", 2: "2.4.0"}[numpy_major])
    assert not second.specifier.contains({1: "2.0.0", 2: "1.26.4"}[numpy_major])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("python", "glibc_minor", "runtime"),
    [
        pytest.param("3.11", 36, "ai-edge-litert 2.3.0", id="bookworm", marks=pytest.mark.rare),
        pytest.param("3.13", 41, "ai-edge-litert 2.3.0", id="trixie"),
    ],
)
def test_a_raspberry_pi_finds_wheels(python: str, glibc_minor: int, runtime: str, tmp_path: Path) -> None:
    wanted = [f"{requirement.name}{requirement.specifier}" for requirement in _required_on(python, "aarch64")]
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, glibc_minor + 1)]
    options = ["--dry-run", "--quiet", "--only-binary=:all:", f"--python-version={python}", *platforms]
    places = [f"--target={tmp_path / 'target'}", f"--report={tmp_path / 'report.json'}"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *places, *wanted], check=True)
    report = json.loads((tmp_path / "report.json").read_text())
    chosen = {
        f"{item['metadata']['name'].replace('_', '-')} {item['metadata']['version']}" for item in report["install"]
    }
    assert runtime in chosen
