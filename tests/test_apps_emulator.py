"""The generated Python in Arm's own Python, on an emulated Raspberry Pi 5."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edgeswap.targets.emulator.root import BUILD, build, command, environment, missing
from tests.app_bundle import FAULTS, Bundle, bundle, change

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root() -> Path:
    """What the emulator runs in; the tests of the emulator use the same."""
    if lacking := [sentence for sentence in missing() if BUILD not in sentence]:
        pytest.skip(lacking[0])
    return build()


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle("classifier", tmp_path_factory.mktemp("apps") / "classifier")


def run(root: Path, folder: Path, runtime: str = "ai-edge-litert") -> tuple[int, str]:
    # The emulator's root has no ml_dtypes, which CompiledModel needs and an Interpreter does not.
    python = [*command(root, "pi5"), str(folder / "python/interpreter/model.py")]
    done = subprocess.run(python, env=environment(root, runtime), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_self_test_passes_to_the_last_bit(root: Path, classifier: Bundle) -> None:
    code, said = run(root, classifier.folder)
    assert code == 0, said
    assert "pass: 3 golden vectors, outputs off by at most 0 int8 steps" in said


def test_another_runtime_passes_within_the_tolerance(root: Path, classifier: Bundle) -> None:
    code, said = run(root, classifier.folder, "tflite-runtime")
    assert code == 0, said
    assert "pass: 3 golden vectors" in said


def test_self_test_names_what_differs(root: Path, classifier: Bundle, tmp_path: Path) -> None:
    shutil.copytree(classifier.folder, tmp_path / "bundle")
    change(tmp_path / "bundle", "output")
    code, said = run(root, tmp_path / "bundle")
    assert code == 1
    assert FAULTS["output"] in said
