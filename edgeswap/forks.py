"""Children forked from the command line's process, which have at once whatever it has imported.

TensorFlow takes seconds of a processor to import. A process may be forked after that, but not once TensorFlow has
computed something: the threads that it then starts are missing in a fork. So `edgeswap.frameworks` forks the children
that will need it in between. This is for a process that is edgeswap's alone: a notebook or a server has threads of its
own, whose locks a fork would inherit, and macOS's own libraries cannot be forked at all; there a child is a new Python.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, NoReturn

WORKERS = ("edgeswap.model.rehearsal_worker", "edgeswap.conversion.worker")
_waiting: dict[str, Fork] = {}
_allowed = False


class Fork:
    """A child with the pipes and waits of `subprocess.Popen`, in a session of its own.

    Attributes:
        pid: its number.
        stdin: what is written here the child reads on its standard input.
        stdout: what it writes to its standard output.
        words: what it writes to its standard error.
    """

    def __init__(self, pid: int, stdin: IO[bytes], stdout: IO[bytes], words: IO[bytes]) -> None:
        self.pid, self.stdin, self.stdout, self.words = pid, stdin, stdout, words
        self._code: int | None = None

    def poll(self) -> int | None:
        """How it ended, see `wait`; None while it runs."""
        return self._code if self._code is not None else self._ended(os.WNOHANG)

    def wait(self) -> int:
        """Its exit code, or minus the number of the signal that ended it, once it has ended."""
        return self._code if self._code is not None else self._ended(0) or 0

    def kill(self) -> None:
        """End it."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _ended(self, options: int) -> int | None:
        pid, status = os.waitpid(self.pid, options)
        self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


def allow() -> None:
    """Say that this process is edgeswap's alone and has one thread, so that it may be forked."""
    global _allowed  # noqa: PLW0603  (a fact about the process)
    _allowed = sys.platform == "linux"


@contextmanager
def without_collections() -> Iterator[None]:
    """Collect no garbage meanwhile: an import makes little, and looking for it took a quarter of TensorFlow's."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def fork_workers() -> None:
    """Fork a child for each of `WORKERS` where that may be done; it waits until it is taken or this process ends.

    What is imported by then stays: no collection of garbage looks at it again, here and in the children. One took a
    third of a second, and an export makes several.
    """
    if _allowed:
        gc.freeze()
        for module in WORKERS:
            _waiting[module] = _fork(module)


def come_later() -> bool:
    """Whether TensorFlow is still to be imported, upon which `fork_workers` forks children."""
    return _allowed and "tensorflow" not in sys.modules


def is_waiting(module: str) -> bool:
    """Whether a child that runs this module, with TensorFlow in it, waits to be taken."""
    return module in _waiting


def take(module: str) -> Fork | None:
    """A child that runs `main` of this module; None where there is none and none may be forked now."""
    if module in _waiting:
        return _waiting.pop(module)
    return _fork(module) if come_later() else None


def _fork(module: str) -> Fork:
    words = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  (closed by whoever takes the child)
    reads, stdin = os.pipe()
    stdout, writes = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's threads, which know how to be forked
        pid = os.fork()
    if pid == 0:
        end_after(lambda: _serve(module, (reads, writes, words.fileno())))
    os.close(reads)
    os.close(writes)
    return Fork(pid, os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb", buffering=0), words)


def _serve(module: str, streams: tuple[int, int, int]) -> None:
    """Be the child: nothing of the parent's is kept open, and no handler of its signals in force."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    for to, stream in enumerate(streams):
        os.dup2(stream, to)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(to, mode) for to, mode in enumerate("rww"))
    importlib.import_module(module).main()


def end_after(work: Callable[[], object]) -> NoReturn:
    """Do `work` as all that a forked child does: it ends with 0, or with 1 and what was raised on standard error."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001  (told on standard error; a fork must not go on where its parent would)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
