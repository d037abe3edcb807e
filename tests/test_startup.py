"""What answers without TensorFlow answers at once, in a fresh process."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

LIMIT_S = 0.4
TRIES = 5

COMMAND = str(Path(sysconfig.get_path("scripts")) / "edgeswap")
SLOW_IMPORTS = {"tensorflow", "keras", "tf_keras", "tensorflow_model_optimization", "jax", "torch"}

STARTS = {
    "edgeswap --help": [COMMAND, "--help"],
    "import edgeswap": [sys.executable, "-c", "import edgeswap"],
}

IMPORTED = {
    "edgeswap --help": """
import sys
from edgeswap.cli import main
sys.argv = ["edgeswap", "--help"]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("\\n" + " ".join(sys.modules))
""",
    "import edgeswap": "import edgeswap, sys; print(*sys.modules)",
}


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


@pytest.mark.parametrize("start", STARTS)
def test_answers_at_once(start: str) -> None:
    # The best of several: other work on the machine can only make a run slower.
    best = min(_seconds(STARTS[start]) for _ in range(TRIES))
    assert best < LIMIT_S, f"`{start}` took {best:.2f} s"


@pytest.mark.parametrize("start", IMPORTED)
def test_imports_no_tensorflow(start: str) -> None:
    ran = subprocess.run([sys.executable, "-c", IMPORTED[start]], check=True, capture_output=True, text=True)
    modules = set(ran.stdout.splitlines()[-1].split())
    assert "edgeswap" in modules
    assert not modules & SLOW_IMPORTS
