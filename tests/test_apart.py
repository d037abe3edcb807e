"""A target in a process of its own: what goes in, what comes out, and what ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgeswap.errors import TargetError
from edgeswap.progress import Silent
from edgeswap.targets.apart import Apart
from edgeswap.targets.host import Host
from tests.moody_targets import Moody, answer

DEADLINE_S = 60.0


class Recorded:
    """A progress that remembers."""

    def __init__(self):
        self.events = []

    @contextmanager
    def step(self, title, total=None):
        self.events.append((title, total))
        try:
            yield self
        except BaseException:
            self.events.append("failed")
            raise
        self.events.append("finished")

    def advance(self, amount=1, note=""):
        self.events.append((amount, note))

    def expect(self, total):
        self.events.append(total)


def run(target, progress=None):
    return Apart(target).run({}, [], progress=progress or Silent())


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


@pytest.mark.slow
def test_answer_and_progress_come_through(tmp_path):
    answer(tmp_path)
    progress = Recorded()
    found = run(Moody("board", tmp_path), progress)
    assert found["machine"]["board"] == "board of board"
    assert progress.events == [
        ("Measuring on board", 2.0),
        1.0,
        (0.25, "half a mind"),
        (0.75, ""),
        "finished",
    ]


@pytest.mark.slow
def test_its_error_is_that_of_the_target_and_its_step_is_not_shown_as_done(tmp_path):
    progress = Recorded()
    with pytest.raises(TargetError, match="expected a good day") as raised:
        run(Moody("board", tmp_path, "fails"), progress)
    assert raised.value.remedy == "Try tomorrow."
    assert progress.events[-1] == "failed"


@pytest.mark.slow
def test_arguments_and_files_come_through():
    with pytest.raises(TargetError, match=r"host: Expected a \.tflite file, .*nothing\.tflite does not exist"):
        Apart(Host()).run({"m": Path("nothing.tflite")}, ["m"], progress=Silent())


@pytest.mark.slow
@pytest.mark.parametrize(("mood", "words"), [("breaks", "ZeroDivisionError: nobody foresaw it"), ("dies", "again")])
def test_a_process_that_gives_no_answer(mood, words, tmp_path):
    with pytest.raises(TargetError, match="board: the process that measured there ended") as raised:
        run(Moody("board", tmp_path, mood))
    assert words in raised.value.remedy


@pytest.mark.slow
def test_ended_from_another_thread_it_cleans_up(tmp_path):
    apart = Apart(Moody("board", tmp_path, "hangs"))

    def end():
        wait_for(tmp_path / "board.began")
        apart.end()

    threading.Thread(target=end).start()
    with pytest.raises(TargetError, match="gave no answer"):
        apart.run({}, [], progress=Silent())
    assert (tmp_path / "board.ended").exists()


@pytest.mark.slow
def test_ended_before_it_began_it_does_nothing(tmp_path):
    apart = Apart(Moody("board", tmp_path, "hangs"))
    apart.end()
    with pytest.raises(TargetError, match="gave no answer"):
        apart.run({}, [], progress=Silent())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_does_not_outlive_who_waits_for_it(tmp_path):
    code = (
        "import pathlib; from edgeswap.progress import Silent; from edgeswap.targets.apart import Apart; "
        "from tests.moody_targets import Moody; "
        f"Apart(Moody('board', pathlib.Path({str(tmp_path)!r}), 'hangs')).run({{}}, [], progress=Silent())"
    )
    waiting = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parent.parent)
    wait_for(tmp_path / "board.began")
    waiting.send_signal(signal.SIGKILL)
    waiting.wait()
    wait_for(tmp_path / "board.ended")
