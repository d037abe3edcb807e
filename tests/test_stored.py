"""Exports by the run store: nothing is trained or converted twice, and the report is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as edgeswap sets it: the processes that are killed compute so
pytest.importorskip("tensorflow")

PER_RUN = ("created", "command", "targets", "limits", "passed")
TRAINS = ["--activation", "clipped_elu", "--recover-epochs", 2, "--epochs", 3]


def failing(*_args, **_options):
    raise AssertionError("done again")


@pytest.fixture
def flags(tiny):
    data = ["--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--preprocess", "unit"]
    return ["export", tiny / "tiny.keras", *data, *TRAINS]


def report_in(folder) -> dict:
    report = json.loads((folder / "report.json").read_text())
    return {key: value for key, value in report.items() if key not in PER_RUN}


def models_in(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.tflite")}


# The export of this process, which ends itself by SIGKILL at a moment: after the nth epoch, entry, or measurement.
KILLED = """
import os, signal, sys
from edgeswap import forks
forks.allow()  # as the command line does
from edgeswap.cli import main
from edgeswap.commands import proof
from edgeswap.store import epochs, run_store
from edgeswap.training import fit

moment, count, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
places = {
    "epoch": (epochs.StoredEpochs, "keep"),
    "entry": (run_store, "write_entry"),
    "step": (fit, "_training_step"),
    "measured": (proof, "score_targets"),
}
place, name = places[moment]
given = getattr(place, name)

def counted(*args, **options):
    global count
    count -= 1
    found = given(*args, **options)
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(place, name, counted)
sys.exit(main.run(arguments))
"""


# The command line in a process that cannot import TensorFlow.
WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = sys.modules["tf_keras"] = sys.modules["keras"] = None
from edgeswap.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def killed(moment: str, count: int, arguments) -> int:
    command = [sys.executable, "-c", KILLED, moment, str(count), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.slow
def test_nothing_is_done_twice_and_nothing_is_lost(place, flags, edgeswap, monkeypatch):
    assert killed("epoch", 3, flags) == -signal.SIGKILL  # recovery has kept its first epoch, and QAT its second
    with monkeypatch.context() as patched:
        patched.setattr("edgeswap.commands.export.prove", failing)
        early = edgeswap(*flags)
    assert early.code == 1
    assert early.stderr.rstrip().endswith(
        "The run store has the recovered model, the fake-quant model after QAT, the float32 control, the float32 "
        "model, the int8 model, all models with their scores: the same command goes on from there."
    )
    assert list(place.iterdir()) == []
    with monkeypatch.context() as patched:
        patched.setattr("edgeswap.commands.fine_tuning.train", failing)
        patched.setattr("edgeswap.commands.converted.convert_all", failing)
        others = ["--max-drop", 90, "--author", "Somebody", "--threads", 2, "--target-samples", 80]
        again = edgeswap(*flags, *others)
        assert again.code == 0, again.stderr
    for other in (["--max-drop", 80, "--io", "int8"], ["--author", "Somebody else", "--target-samples", 80]):
        subprocess.run(
            [sys.executable, "-c", WITHOUT_TENSORFLOW, *map(str, [*flags, *other, "--overwrite"])], check=True
        )
    assert (place / "out" / "bundle.zip").is_file()
    assert edgeswap(*flags, "--no-cache", "--output", "undisturbed").code == 0
    assert report_in(place / "out") == report_in(place / "undisturbed")
    assert models_in(place / "out") == models_in(place / "undisturbed")
    assert {path.name for path in place.iterdir()} == {"out", "undisturbed"}


@pytest.mark.slow
@pytest.mark.rare
def test_a_run_that_is_killed_in_every_stage_goes_on_to_the_same_bytes(place, flags, edgeswap):
    """Minutes: `pytest -m rare tests/test_stored.py`."""
    for moment, count in [("step", 1), ("epoch", 1), ("entry", 1), ("step", 1), ("epoch", 2), ("entry", 1),
                          ("epoch", 1), ("entry", 2), ("entry", 1), ("measured", 1)]:  # fmt: skip
        assert killed(moment, count, flags) == -signal.SIGKILL, (moment, count)
    assert_as_undisturbed(place, flags, edgeswap)


@pytest.mark.slow
@pytest.mark.rare
def test_a_run_that_is_killed_at_ten_random_moments_goes_on_to_the_same_bytes(place, flags, edgeswap):
    """Minutes: `pytest -m rare tests/test_stored.py`."""
    script = "import sys; from edgeswap.cli.main import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", script, *map(str, flags), "--overwrite"]
    started = time.monotonic()
    subprocess.run([*command, "--no-cache", "--output", "timed"], check=True)
    longest_s = time.monotonic() - started
    for _ in range(10):
        process = subprocess.Popen(command, start_new_session=True)
        try:
            process.wait(random.uniform(0, longest_s))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert_as_undisturbed(place, [*flags, "--overwrite"], edgeswap)


def assert_as_undisturbed(place, flags, edgeswap) -> None:
    """A run now ends with the bytes of one that nothing interrupted, and nothing else is beside its output."""
    assert edgeswap(*flags).code == 0
    assert edgeswap(*flags, "--no-cache", "--output", "undisturbed").code == 0
    assert models_in(place / "out") == models_in(place / "undisturbed")
    assert report_in(place / "out") == report_in(place / "undisturbed")
    assert {path.name for path in place.iterdir()} <= {"out", "undisturbed", "timed"}
