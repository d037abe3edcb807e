"""Make a case's model and data in a folder of its own, run its commands there, and hold them against what is right."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases.expect import Expectation, Outcome
from benchmarks.cases.right import Right

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_S = 900.0
# The cases were written when these stood elsewhere.
MOVED = (
    ("from edgeswap import data\n", "from edgeswap.data import load as data\n"),
    ("edgeswap.convert import", "edgeswap.conversion.convert import"),
    ("edgeswap.quantization.calibration import", "edgeswap.data.calibration import"),
    ("edgeswap.quantization.observe import observe", "edgeswap.quantization.calibrate import calibrate as observe"),
    ("edgeswap.tflite.verify import", "edgeswap.tflite.full_integer import"),
)
MADE = "made"


@dataclass(frozen=True)
class Verdict:
    """A command of a case: what is right, and what came where that did not; `file` is a broken file it was given."""

    case: str
    command: str
    right: list[str]
    wrong: list[str]
    file: str = ""


def make(name: str, source: Path, folder: Path) -> None:
    """Fill the folder with what the case's make.py writes; where it is filled already, it stays.

    Raises:
        RuntimeError: make.py failed.
    """
    place = folder / name
    if (place / MADE).exists():
        return
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for file in source.iterdir():
        shutil.copyfile(file, place / file.name)
    for script in place.glob("*.py"):
        script.write_text(_with_moved_modules(script.read_text(encoding="utf-8")), encoding="utf-8")
    if (place / "make.py").exists():
        made = _run("python make.py", place)
        if made.code:
            raise RuntimeError(f"Expected make.py of {name} to end well, got {made.code}: {made.said[-500:]}")
    (place / MADE).touch()


def _with_moved_modules(script: str) -> str:
    for then, now in MOVED:
        script = script.replace(then, now)
    return script


def judge(name: str, right: Right, folder: Path) -> list[Verdict]:
    """Run the case's commands in its folder; one verdict each."""
    return [
        Verdict(name, step.command, [each.right for each in step.expected], _wrong(step.expected, outcome))
        for step in right.steps
        for outcome in [_run(step.command, folder / name)]
    ]


def broken_files(source: Path, folder: Path) -> list[Verdict]:
    """Each file of the case `hostile` through the commands that read such a file; one verdict each.

    They run where `benchmarks.hostile` runs its own: under a limit of time and memory, in a process that serves many.
    """
    from benchmarks.hostile.files import broken_file_results  # noqa: PLC0415  (only this case needs it)

    right = ["exit 0 to 3", "no traceback", "at most 60 s and 2 GiB more than a sound file takes"]
    return [
        Verdict("hostile", f"{result.command} {result.source}", right, result.faults, file=result.source)
        for result in broken_file_results(source, folder)
    ]


def stored(file: Path) -> dict[str, list[Verdict]]:
    """The verdicts of cases that an earlier run wrote."""
    if not file.exists():
        return {}
    return {name: [Verdict(**each) for each in found] for name, found in json.loads(file.read_text("utf-8")).items()}


def store(file: Path, verdicts: dict[str, list[Verdict]]) -> None:
    """Write the verdicts of cases that are done."""
    text = json.dumps({name: [vars(each) for each in found] for name, found in sorted(verdicts.items())}, indent=1)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def _wrong(expected: Sequence[Expectation], outcome: Outcome) -> list[str]:
    return [failure for each in expected if (failure := each.failure(outcome)) is not None]


def _run(command: str, folder: Path) -> Outcome:
    """The command as a process of its own, with this checkout's edgeswap; what was there of an output goes first."""
    words = shlex.split(command)
    if "--output" in words:
        shutil.rmtree(folder / words[words.index("--output") + 1], ignore_errors=True)
    if "-o" in words:
        (folder / words[words.index("-o") + 1]).unlink(missing_ok=True)
    program = [sys.executable] if words[0] == "python" else [str(Path(sys.executable).with_name(words[0]))]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{CHECKOUT}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(
            [*program, *words[1:]],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return Outcome(-1, f"no end after {LONGEST_S:.0f} s: {(late.stdout or b'').decode('utf-8', 'replace')}", folder)
    return Outcome(done.returncode, done.stdout.decode("utf-8", "replace"), folder)
