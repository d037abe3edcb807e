"""What answers without TensorFlow answers at once, in a fresh process."""

from __future__ import annotations

import resource
import subprocess
import sys
import sysconfig
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

HELP = """
import sys
from edgeswap.cli.main import run
assert run([{command!r}, "--help"]) == 0
print("\\n" + " ".join(sys.modules))
"""
IMPORTED = {
    **{f"edgeswap {command} --help": HELP.format(command=command) for command in ("analyze", "calibrate")},
    "edgeswap --help": """
import sys
from edgeswap.cli.main import main
sys.argv = ["edgeswap", "--help"]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("\\n" + " ".join(sys.modules))
""",
    "import edgeswap": "import edgeswap, sys; print(*sys.modules)",
    "judge a task": "import edgeswap.tasks.judge, edgeswap.tasks.own_metric, sys; print(*sys.modules)",
}


def _cpu_s(command: list[str]) -> float:
    """Processor time: on a quiet machine that is the wall time, and other work on the machine adds little to it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS)
def test_answers_at_once(start: str) -> None:
    best = min(_cpu_s(STARTS[start]) for _ in range(TRIES))
    assert best < LIMIT_S, f"`{start}` took {best:.2f} s"


@pytest.mark.parametrize("start", IMPORTED)
def test_imports_no_tensorflow(start: str) -> None:
    ran = subprocess.run([sys.executable, "-c", IMPORTED[start]], check=True, capture_output=True, text=True)
    modules = set(ran.stdout.splitlines()[-1].split())
    assert "edgeswap" in modules
    assert not modules & SLOW_IMPORTS
