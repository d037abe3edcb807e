"""The command line without standard streams, on a full one, and without the usual environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

COMMAND = str(Path(sysconfig.get_path("scripts")) / "edgeswap")


def run(redirection, *arguments, env=None):
    """Exit code of the command line under a shell's redirection, and what it wrote to stdout."""
    line = ["sh", "-c", f'"$0" "$@" {redirection}', COMMAND, *map(str, arguments)]
    done = subprocess.run(line, stdout=subprocess.PIPE, env=env, check=False, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_a_command_runs_without_a_stream_and_says_what_it_has_to_say(redirection):
    code, stdout = run(redirection, "activations", "relu6")
    assert code == 0
    assert "relu6" in stdout


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&-", "<&- >&- 2>&-"])
def test_a_command_runs_without_stdout(redirection):
    assert run(redirection, "activations", "relu6") == (0, "")
    assert run(redirection, "check", "missing.tflite")[0] == 1


@pytest.mark.slow
def test_an_error_on_a_stderr_that_takes_nothing_still_has_its_exit_code():
    assert run("2>/dev/full", "export", "--method", "nonsense") == (2, "")
    assert run("2>&-", "check", "missing.tflite") == (1, "")


def test_a_full_stdout_is_an_error_that_is_told(tmp_path):
    code, _ = run(f">/dev/full 2>{tmp_path}/said", "activations", "relu6")
    assert code == 1
    assert (tmp_path / "said").read_text().startswith("error: Expected room to write to, got a full disk.")


def test_a_file_opened_later_is_not_taken_for_stderr(tmp_path):
    # What is written to descriptor 2 must not land in a file that happened to get that number.
    script = (
        "import os, sys\nfrom edgeswap.system.streams import mend_streams\nmend_streams()\n"
        f"with open({str(tmp_path / 'file')!r}, 'w') as file:\n    os.write(2, b'x'); os.system('echo y >&2')\n"
    )
    subprocess.run(["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, script], check=True)
    assert (tmp_path / "file").read_text() == ""


def test_without_home_and_term():
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    assert run("", "activations", "relu6", env=env)[0] == 0


@pytest.mark.slow
@pytest.mark.rare  # the streams are mended before any command begins, which the quick commands above show
def test_an_export_without_streams_home_and_term(place, tiny):
    flags = ["--data", tiny / "train.npz", "--preprocess", "unit", "--method", "ptq", "--output", place / "out"]
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR") if name in os.environ}
    assert run("<&- >&- 2>&-", "export", tiny / "tiny.keras", *flags, env=env) == (0, "")
    assert (place / "out" / "report.json").is_file()
