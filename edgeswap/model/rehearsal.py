"""A model file is loaded in a process of its own first: only what comes through there is loaded in this one.

HDF5, Keras and TensorFlow are not made for hostile files: some crash them, some keep them busy for ever or take all
memory. In the child that is an error message. One child serves all files of a process, for as long as it is asked.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from edgeswap import errors, forks
from edgeswap.errors import EdgeswapError, ModelError
from edgeswap.model.file import ModelFile, inspect
from edgeswap.system.child import child_command, start
from edgeswap.system.claim import abandoned, remove
from edgeswap.system.room import LARGE_BYTES
from edgeswap.system.scratch import PREFIX, clear_abandoned

_MODULE = "edgeswap.model.rehearsal_worker"
WORKER = child_command(_MODULE)
_STAGES = ("start", "looking", "looked", "importing", "loading", "loaded")
# The child's own limits are on processor time; this one is for a child that waits for ever.
SILENCE_S = 600.0


def preview(
    path: str | Path,
    *,
    trust: bool = False,
    custom_objects: Mapping[str, Any] | Sequence[str] = (),
    load: bool = True,
) -> ModelFile:
    """What is in the file, once the child has looked at all of it; the child then goes on and loads it.

    It does not where a child with TensorFlow in it comes later: `rehearse` asks that one.

    Args:
        path: the file.
        trust: look at it here, and let it carry code.
        custom_objects: the user's own classes and functions, as `MODULE:NAME`, or as Python objects by name: the child
            has none of those, so it only looks.
        load: let the child load it too, beside whatever is done here.

    Raises:
        ModelError: as `inspect`, and where the child crashed or took too much time or memory.
        ConfigError: as `inspect`.
    """
    objects = isinstance(custom_objects, Mapping)
    names = _names_of(custom_objects) if isinstance(custom_objects, Mapping) else tuple(custom_objects)
    if not trust:
        if not Path(path).is_file():  # a folder needs no HDF5, and what is neither is refused
            inspect(path, custom_objects=names)
        _child.ask(Path(path), names, load=load and not objects and not forks.come_later())
        _child.wait("looked")
    return inspect(path, trust=trust, custom_objects=names)


def _names_of(objects: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({name for key, found in objects.items() for name in (key, getattr(found, "__name__", key))}))


def rehearse(path: str | Path, custom_objects: Sequence[str] = ()) -> ModelFile:
    """Load the file in the child, and say what is in it.

    Raises:
        EdgeswapError: as `preview` and `edgeswap.model.load.build_model`.
    """
    file = preview(path, custom_objects=custom_objects)
    _child.wait("loaded")
    if sum(size for _, size, _ in _state(Path(path))) >= LARGE_BYTES:
        _child.leave(Path(path))
    return file


@dataclass
class _Job:
    """A file that the child is at: which, how far, and why it went no further."""

    path: Path
    identity: tuple[Any, ...]
    request: bytes
    last: str
    has_own_modules: bool
    stage: str = _STAGES[0]
    refusal: EdgeswapError | None = None

    @property
    def ended(self) -> bool:
        return self.refusal is not None or self.has_come(self.last)

    def has_come(self, stage: str) -> bool:
        return _STAGES.index(self.stage) >= _STAGES.index(stage)


class _Child:
    """The process, and the one file it is at."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | forks.Fork | None = None
        self._words: IO[bytes] | None = None
        self._unread = b""
        self._job: _Job | None = None

    def ask(self, path: Path, custom_objects: tuple[str, ...], *, load: bool) -> None:
        """Begin with a file, unless that is what the process is at, or has just done."""
        folder = str(Path.cwd())
        identity = (path.absolute(), _state(path), custom_objects, folder, load)
        with self._lock:
            before = self._job
            if before is not None and before.identity == identity and before.refusal is None:
                return
            while before is not None and not before.ended:
                self._follow(before)  # another file, which nobody asks for any more; its time is bounded too
            if forks.is_waiting(_MODULE) or (before is not None and before.has_own_modules):
                self.end()  # one with TensorFlow in it waits; or the next modules may have the same names
            modules = [entry or folder for entry in sys.path]
            request = {"path": str(path.absolute()), "custom_objects": custom_objects, "load": load}
            where = {"folder": folder, "modules": modules, "temporary": tempfile.gettempdir()}
            line = json.dumps({**request, **where}).encode() + b"\n"
            if not self._send(line):
                self.end()
                self._send(line)
            self._job = _Job(path, identity, line, "loaded" if load else "looked", bool(custom_objects))

    def wait(self, stage: str) -> None:
        """Until the process has come through that stage.

        Raises:
            EdgeswapError: it refused the file, or the file ended it.
        """
        with self._lock:
            job = self._job
            assert job is not None
            while job.refusal is None and not job.has_come(stage):
                self._follow(job)
            if job.refusal is not None:
                raise type(job.refusal)(job.refusal.problem, job.refusal.remedy)

    def leave(self, path: Path) -> None:
        """End the process if this file was its last: of a large one it keeps much of the memory."""
        with self._lock:
            if self._job is not None and self._job.path == path and self._job.ended:
                self.end()

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # what it started holds its folder too
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout, self._words):
                if stream is not None:
                    with suppress(BrokenPipeError):
                        stream.close()
            clear_abandoned(Path(tempfile.gettempdir()))  # it could not clear up itself
        self._process, self._job, self._unread = None, None, b""

    def _send(self, line: bytes) -> bool:
        if self._process is None:
            self._process, self._words = start(WORKER)
        process = self._process
        assert process.stdin is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except BrokenPipeError:  # it had waited long enough
            return False
        return process.poll() is None

    def _follow(self, job: _Job) -> None:
        """Take in the next thing that the process says, or its end."""
        assert self._process is not None
        assert self._process.stdout is not None
        while b"\n" not in self._unread:
            if not select.select([self._process.stdout], [], [], SILENCE_S)[0]:
                self._process.kill()
            read = os.read(self._process.stdout.fileno(), 1 << 16)
            if not read:
                if job.stage == _STAGES[0] and job.request and self._process.wait() == 0:
                    # It had waited long enough just when it was asked.
                    self.end()
                    self._send(job.request)
                    self._job, job.request = job, b""
                    return
                job.refusal = self._how_it_ended(job)
                return
            self._unread += read
        line, self._unread = self._unread.split(b"\n", 1)
        event = json.loads(line)
        if event["stage"] == "refused":
            job.refusal = getattr(errors, event["kind"])(event["problem"], event["remedy"])
        else:
            job.stage = event["stage"]

    def _how_it_ended(self, job: _Job) -> ModelError:
        assert self._process is not None
        assert self._words is not None
        code = self._process.wait()
        self._words.seek(0)
        words = self._words.read().decode(errors="replace").strip().splitlines()
        self.end()
        for folder in abandoned(Path(tempfile.gettempdir()), f"{PREFIX}*"):
            remove(folder)
        what = f"{'loading' if job.has_come('importing') else 'reading'} {str(job.path)!r}"
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            how = "does not come to an end" if code == -signal.SIGXCPU else "was stopped, for its memory or its silence"
        elif any("bad_alloc" in line or "Out of memory" in line for line in words):
            how = "runs out of memory"
        elif code < 0:
            how = f"crashes ({signal.Signals(-code).name})"
        else:
            how = f"ends with {words[-1][:200] if words else f'exit code {code}'}"
        return ModelError(
            f"Expected {what} to succeed, but it {how}.",
            "The file is damaged or made by hand: copy it again, or save the model again; --trust loads it without "
            "limits.",
        )


def _state(path: Path) -> tuple[Any, ...]:
    """What changes when the file, or one in the folder, is written again."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    states = [file.lstat() for file in files]
    return tuple((state.st_mtime_ns, state.st_size, state.st_ino) for state in states)


_child = _Child()
atexit.register(_child.end)
