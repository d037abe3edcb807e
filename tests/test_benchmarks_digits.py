"""The digits benchmark's own arithmetic; `benchmarks/README.md` holds what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import digits

PROGRAM = """#!{python}
import json, pathlib, subprocess, sys, time
block = bytearray(300 << 20)
block[::4096] = bytes(len(block[::4096]))
subprocess.run([sys.executable, "-c", "b = bytearray(500 << 20); b[::4096] = bytes(len(b[::4096]))"], check=True)
time.sleep(0.3)
out = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
if "--fail" in sys.argv: sys.exit(3)
out.mkdir()
(out / "report.json").write_text(json.dumps({{"words": sys.argv[1:-2]}}))
"""


def report(**changes: Any) -> dict[str, Any]:
    stage = {"quality": {"value": 0.98, "samples": 540}}
    values = {
        "float32": stage,
        "float32_swapped": stage,
        "float32_recovered": stage,
        "float32_finetuned": None,
        "int8": {**stage, "float_tensors": 0, "size_bytes": 71_600},
        "comparison": {"drop": 100 * 3 / 540},
    }
    return {**values, **changes}


def test_a_cell_that_shows_what_it_must_misses_nothing() -> None:
    cell = digits.Cell(report(), wall_s=180.0, peak_gib=3.0, other_cores=0.0)
    assert (cell.lost, cell.missed()) == (3, [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wall_s": 181.0}, "181 s"),
        ({"peak_gib": 3.1}, "3.10 GiB"),
        ({"report": report(float32={"quality": {"value": 0.96}})}, "0.9600"),
        ({"report": report(comparison={"drop": 100 * 4 / 540})}, "4 samples"),
        ({"report": report(int8={"quality": {"samples": 540}, "float_tensors": 2})}, "2 float tensors"),
    ],
)
def test_a_cell_names_what_it_misses(changes: dict[str, Any], words: str) -> None:
    (missed,) = digits.Cell(
        **{"report": report(), "wall_s": 60.0, "peak_gib": 1.0, "other_cores": 0.0} | changes
    ).missed()
    assert words in missed


def test_a_row_has_a_cell_for_every_header() -> None:
    row = digits.row("relu6", "ptq", digits.Cell(report(), 60.4, 0.84, 0.0))
    found = dict(zip(digits.HEADERS, row, strict=True))
    assert (found["int8 top-1"], found["control"], found["lost"]) == ("98.0 %", "-", "3")
    assert (found["int8 size"], found["wall"], found["peak memory"]) == ("71.6 kB", "60 s", "0.84 GiB")


@pytest.mark.slow
def test_a_run_is_measured_with_its_largest_process(tmp_path: Path) -> None:
    program = tmp_path / "edgeswap"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    # In a process of its own: to Linux the peak of a new process begins at that of the one that started it, and the
    # process of these tests may hold TensorFlow.
    code = (
        "import json, subprocess, sys; from benchmarks import digits; sys.executable = sys.argv[1]\n"
        "cell = digits.run(['edgeswap', 'export'])\n"
        "print(json.dumps([cell.report, cell.wall_s, cell.peak_gib]))\n"
        "try: digits.run(['edgeswap', '--fail'])\n"
        "except subprocess.CalledProcessError as error: print(error.returncode)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "python")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=digits.CHECKOUT)
    measured, failed = done.stdout.splitlines()
    found, wall_s, peak_gib = json.loads(measured)
    assert (found, failed) == ({"words": ["export"]}, "3")
    assert 0.3 < wall_s < 30
    assert 500 / 1024 < peak_gib < 0.65  # the child's 500 MiB and an interpreter, not the 800 of both
