"""The children that edgeswap starts import its modules and Python's own, whatever lies where they are started."""

import json
import os
import subprocess

import pytest

from edgeswap.conversion import process as convert_process
from edgeswap.evaluation import inner_tensors
from edgeswap.model import rehearsal
from edgeswap.system.child import child_command
from edgeswap.targets import apart

STRANGERS = ("numpy", "json", "edgeswap", "tensorflow", "runpy", "h5py")


@pytest.mark.slow
@pytest.mark.parametrize("safe_path", ["", "1"])
def test_modules_of_the_working_folder_are_not_imported(tmp_path, safe_path):
    for name in STRANGERS:
        (tmp_path / f"{name}.py").write_text(f"open('ran', 'w').close()\nraise ImportError('the stranger\\'s {name}')")
    environment = {**os.environ, "PYTHONSAFEPATH": safe_path}
    for command in (child_command("edgeswap.system.scratch"), child_command("edgeswap.tflite.flatbuffer")):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "ran").exists()


def test_arguments_reach_the_module(tmp_path):
    done = subprocess.run(
        [*child_command("json.tool"), "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "usage" in done.stdout
    given = subprocess.run(
        [*child_command("json.tool"), "--compact"], input="[1, 2]", capture_output=True, text=True, check=True
    )
    assert json.loads(given.stdout) == [1, 2]


def test_every_child_is_started_so():
    commands = (convert_process.WORKER, apart.COMMAND, inner_tensors.WORKER, rehearsal.WORKER)
    assert all(command[:-1] == child_command("x")[:-1] for command in commands)
