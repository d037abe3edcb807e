"""Children forked from the command line's process: each in a fresh Python here, as the test's own is not alone."""

import gc
import signal
import subprocess
import sys
import textwrap

import pytest

from edgeswap import forks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")

SERVANT = """
import os, sys, signal
def main():
    for line in sys.stdin:
        print("words", file=sys.stderr, flush=True)
        if line == "fds\\n":
            print(sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1], flush=True)
        if line == "term\\n":
            print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, os.getsid(0) == os.getpid(), flush=True)
        if line == "fail\\n":
            raise ValueError("as asked")
"""


def run(tmp_path, code):
    (tmp_path / "servant.py").write_text(SERVANT)
    head = "import os, signal, sys\nfrom edgeswap import forks\nforks.WORKERS = ('servant',)\n"
    command = [sys.executable, "-c", head + textwrap.dedent(code)]
    ended = subprocess.run(  # noqa: PLW1510
        command, env={"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"}, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_no_process_is_forked_that_is_not_edgeswaps_alone():
    forks.fork_workers()
    assert not forks.is_waiting(forks.WORKERS[0])
    assert forks.take(forks.WORKERS[0]) is None
    assert not forks.come_later()


@pytest.mark.parametrize("enabled", [True, False])
def test_an_import_is_not_looked_through_for_garbage_and_then_collections_are_as_before(enabled):
    def broken_import():
        with forks.without_collections():
            assert not gc.isenabled()
            raise ImportError

    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(ImportError):
            broken_import()
        assert gc.isenabled() == enabled
    finally:
        gc.enable()


def test_what_is_there_when_children_are_forked_is_never_looked_through_again(tmp_path):
    then = "import gc; forks.fork_workers(); print(gc.get_freeze_count())"
    assert int(run(tmp_path, f"forks.allow(); {then}")[0]) > 1000
    assert run(tmp_path, then) == ["0"]  # where a user's own code runs beside it, what is garbage is the user's


def test_a_child_answers_and_ends_with_its_input(tmp_path):
    said = run(
        tmp_path,
        """
        signal.signal(signal.SIGTERM, lambda *_: None)
        kept = open(os.devnull)  # such as the lock of an output folder
        forks.allow()
        child = forks.take("servant")
        for question in (b"fds\\n", b"term\\n"):
            child.stdin.write(question)
            child.stdin.flush()
            print(child.stdout.readline().decode().strip())
        print(child.poll())
        child.stdin.close()
        print(child.wait(), child.poll())
        child.words.seek(0)
        print(child.words.read().split())
        """,
    )
    assert said == ["[0, 1, 2]", "True True", "None", "0 0", "[b'words', b'words']"]


def test_a_child_that_fails_says_why_and_does_not_go_on_as_its_parent(tmp_path):
    said = run(
        tmp_path,
        """
        forks.allow()
        child = forks.take("servant")
        child.stdin.write(b"fail\\n")
        child.stdin.flush()
        print(child.wait())
        child.words.seek(0)
        print(child.words.read().decode().splitlines()[-1])
        print("once")
        """,
    )
    assert said == ["1", "ValueError: as asked", "once"]


def test_a_killed_child_tells_the_signal(tmp_path):
    said = run(
        tmp_path, "forks.allow(); child = forks.take('servant'); child.kill(); print(child.wait()); child.kill()"
    )
    assert said == [str(-signal.SIGKILL)]


def test_those_forked_beside_tensorflow_are_taken_once_and_then_none_is_forked(tmp_path):
    said = run(
        tmp_path,
        """
        forks.allow()
        print(forks.come_later())
        sys.modules["tensorflow"] = sys  # it has been imported
        forks.fork_workers()
        print(forks.come_later(), forks.is_waiting("servant"))
        first = forks.take("servant")
        print(first.poll(), forks.is_waiting("servant"), forks.take("servant"))
        """,
    )
    assert said == ["True", "False True", "None False None"]
