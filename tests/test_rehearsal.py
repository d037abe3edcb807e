"""What a file does to the process that loads it ends that process only, and is an error message in this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import attack_files as make
import pytest

from edgeswap.errors import ModelError
from edgeswap.model import rehearsal

# The child as it is, but for what looking at a file does, which goes by the file's name, and shorter patience.
MOODY = """
import os, signal, time
import edgeswap.model.rehearsal_worker as worker

def inspect(path, **_):
    match path.stem:
        case "hangs":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True: pass
        case "waits": time.sleep(1000)
        case "crashes": os.abort()
        case "is killed": os.kill(os.getpid(), signal.SIGKILL)
        case "raises": raise KeyError("nobody")
        case "is stubborn": raise AssertionError
        case "eats": return [bytearray(1 << 20) for _ in range(1 << 14)]

worker.inspect, worker.LOOK_CPU_S, worker.IDLE_S, worker.MEMORY_BYTES = inspect, 0.5, 3.0, 1 << 26
worker.main()
"""
MOODS = {
    "hangs": "does not come to an end",
    "waits": "was stopped, for its memory or its silence",
    "crashes": "crashes (SIGABRT)",
    "is killed": "was stopped",
    "raises": "KeyError: 'nobody'",
    "is stubborn": "AssertionError",
    "eats": "takes far more memory",
}


@pytest.fixture
def moody(monkeypatch):
    monkeypatch.setattr(rehearsal, "WORKER", (sys.executable, "-c", MOODY))
    child = rehearsal._Child()
    monkeypatch.setattr(rehearsal, "_child", child)
    yield child
    child.end()


@pytest.mark.slow
@pytest.mark.parametrize("mood", MOODS)
def test_what_a_file_does_to_the_child_is_an_error_message(mood, tmp_path, moody, monkeypatch):
    path = make.write_h5(tmp_path / f"{mood}.h5", make.functional(make.dense()))
    monkeypatch.setattr(rehearsal, "SILENCE_S", 2.0 if mood == "waits" else 600.0)
    with pytest.raises(ModelError) as raised:
        rehearsal.preview(path, load=False)
    assert MOODS[mood] in raised.value.problem
    assert raised.value.remedy
    monkeypatch.setattr(rehearsal, "SILENCE_S", 600.0)
    good = make.write_h5(tmp_path / "good.h5", make.functional(make.dense()))
    assert rehearsal.preview(good, load=False).framework == "tf_keras"  # the next file has a child again


@pytest.mark.parametrize("large", [False, True])
def test_a_child_that_loaded_a_large_file_ends(large, tmp_path, moody, monkeypatch):
    """It would keep hundreds of megabytes while the export goes on."""
    path = make.write_h5(tmp_path / "good.h5", make.functional(make.dense()))
    looked, wait = rehearsal.preview, moody.wait
    monkeypatch.setattr(rehearsal, "preview", lambda path, custom_objects: looked(path, load=False))
    monkeypatch.setattr(moody, "wait", lambda stage: wait("looked"))  # this child cannot load
    monkeypatch.setattr(rehearsal, "LARGE_BYTES", path.stat().st_size + (0 if large else 1))
    assert rehearsal.rehearse(path).framework == "tf_keras"
    assert (moody._process is None) == large


@pytest.mark.slow
def test_the_child_ends_when_nobody_asks_and_comes_again(tmp_path, moody):
    path = make.write_h5(tmp_path / "good.h5", make.functional(make.dense()))
    rehearsal.preview(path, load=False)
    first = moody._process
    assert first.wait(timeout=30) == 0
    os.utime(path, (1, 1))  # else it would be known already
    rehearsal.preview(path, load=False)
    assert moody._process is not first


def test_a_child_that_ends_just_when_it_is_asked_is_replaced(tmp_path, moody, monkeypatch):
    gone = tmp_path / "gone"
    first = f"import pathlib, sys; sys.stdin.readline(); pathlib.Path({str(gone)!r}).touch()"
    code = f"import pathlib\nif pathlib.Path({str(gone)!r}).exists():\n    {{}}\nelse:\n    {first}"
    again = "import edgeswap.model.rehearsal_worker as worker; worker.main()"
    monkeypatch.setattr(rehearsal, "WORKER", (sys.executable, "-c", code.format(again)))
    path = make.write_h5(tmp_path / "model.h5", make.functional(make.dense()))
    assert rehearsal.preview(path, load=False).path == path
    assert gone.exists()


@pytest.mark.slow
def test_the_child_ends_with_the_process_that_asks(tmp_path):
    path = make.write_h5(tmp_path / "good.h5", make.functional(make.dense()))
    ask = (
        "import sys, time; from edgeswap.model import rehearsal; rehearsal.preview(sys.argv[1], load=False); "
        "print(rehearsal._child._process.pid, flush=True); time.sleep(1000)"
    )
    with subprocess.Popen([sys.executable, "-c", ask, str(path)], stdout=subprocess.PIPE, text=True) as asking:
        child = int(asking.stdout.readline())
        asking.send_signal(signal.SIGKILL)
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "\nState:\tZ" in Path(f"/proc/{child}/status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the child is still there")


def test_no_module_of_the_working_folder_is_imported(tmp_path, monkeypatch):
    """A stranger's folder may hold more than a model."""
    (tmp_path / "json.py").write_text("raise SystemExit('the folder ran code')")
    (tmp_path / "h5py.py").write_text("raise SystemExit('the folder ran code')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rehearsal, "_child", rehearsal._Child())
    path = make.write_h5(tmp_path / "good.h5", make.functional(make.dense()))
    assert rehearsal.preview(path, load=False).framework == "tf_keras"
    rehearsal._child.end()
