"""The far end of an ssh connection: one program that does there what it is told, and leaves nothing when that ends.

`open` sends this file's text to the board's Python. So it is Python 3.9 and the standard library, and imports
nothing of edgeswap. Each way it speaks in lines of JSON; a line to the host begins with a word made for this run, so
that what a login shell prints is never taken for an answer. When the connection ends, or nothing has come over it for
a while, everything that was started is killed and the folder removed.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import hashlib
import importlib.metadata
import json
import os
import platform
import select
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KEPT = ".edgeswap"
LOCK = "in-use"
CHUNK = 1 << 18
PIECE = 3 << 18
REMOVALS = 20
KINDS = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EBUSY: "busy"}
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


class LostError(Exception):
    """The connection ended, or nothing came over it for as long as it may."""


class Inlet:
    """What comes in. Read by hand, because `select` must see what a buffer would hide."""

    def __init__(self, descriptor: int, patience_s: float) -> None:
        self.descriptor = descriptor
        self.patience_s = patience_s
        self.held = b""

    def more(self) -> None:
        """Wait for the next piece."""
        ready, _, _ = select.select([self.descriptor], [], [], self.patience_s)
        piece = os.read(self.descriptor, CHUNK) if ready else b""
        if not piece:
            raise LostError
        self.held += piece

    def line(self) -> bytes:
        """The next line."""
        while b"\n" not in self.held:
            self.more()
        line, _, self.held = self.held.partition(b"\n")
        return line

    def some(self, most: int) -> bytes:
        """Some bytes, at least one and at most `most`."""
        if not self.held:
            self.more()
        taken, self.held = self.held[:most], self.held[most:]
        return taken


class Board:
    """The folder there, and the script that runs in it."""

    def __init__(self, word: str, inlet: Inlet) -> None:
        self.word = word
        self.inlet = inlet
        self.folder: Path | None = None
        self.keep = False
        self.script: subprocess.Popen[str] | None = None
        self.speaking = threading.Lock()
        self.lost = False
        self.digest = hashlib.sha256()
        self.lock: int | None = None  # open as long as this program runs

    def tell(self, **message: Any) -> None:
        """Say something to the host. A connection that ended is noticed where its words are read; here, one that takes
        nothing for as long as it may, as when the host was switched off.
        """
        line = f"{self.word} {json.dumps(message)}\n".encode()
        with self.speaking, contextlib.suppress(OSError):
            while line and not self.lost:
                self.lost = not select.select([], [1], [], self.inlet.patience_s)[1]
                line = line if self.lost else line[os.write(1, line[: select.PIPE_BUF]) :]

    def serve(self) -> None:
        """Do what is asked until the connection ends."""
        try:
            while not self.lost:
                asked = json.loads(self.inlet.line())
                do = asked.pop("do")
                if do == "alive":
                    continue
                try:
                    answer = getattr(self, do)(**asked)
                except OSError as error:
                    self.tell(
                        error=KINDS.get(error.errno or 0, "system"),
                        detail=f"{error.strerror or error}",
                        path=str(error.filename or self.folder or ""),
                    )
                except (ValueError, zipfile.BadZipFile) as error:
                    self.tell(error="damaged", detail=str(error), path=str(self.folder))
                else:
                    self.tell(answer=answer, to=do)
        except LostError:
            return
        finally:
            self.leave()

    def describe(self) -> dict[str, Any]:
        """What decides which wheels fit, and what is here without them."""
        own = {}
        for package in ("numpy", "ai-edge-litert", "tflite-runtime"):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                own[package] = importlib.metadata.version(package)
        try:
            libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
        except (OSError, ValueError):  # musl has no such name
            libc = ""
        return {
            "machine": platform.machine(),
            "pointer_bytes": struct.calcsize("P"),
            "python": ".".join(map(str, sys.version_info[:3])),
            "abi": f"cp{sys.version_info[0]}{sys.version_info[1]}{sys.abiflags}",
            "multiarch": sysconfig.get_config_var("MULTIARCH") or "",
            "libc": libc,
            "own": own,
        }

    def open(self, base: str, keep: bool) -> str:
        """Make a folder of one's own in `base`, or take the kept one."""
        place = Path(base).expanduser()
        _sweep(place)
        self.keep = keep
        if keep:
            self.folder = place / KEPT
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.lock = _lock(self.folder / LOCK)
            if self.lock is None:
                raise OSError(errno.EBUSY, "another run is using the kept folder", str(self.folder))
        else:
            self.folder = Path(tempfile.mkdtemp(prefix=f"{KEPT}-", dir=place))
            self.lock = _lock(self.folder / f"{LOCK}.part")  # by its name it is known to be locked already
            (self.folder / f"{LOCK}.part").rename(self.folder / LOCK)
        return str(self.folder)

    def path(self, name: str) -> Path:
        """Where a file of that name lies; a name is no way out of the folder."""
        assert self.folder is not None
        if Path(name).name != name:
            raise ValueError(f"{name!r} is not the bare name of a file")
        return self.folder / name

    def missing(self, files: dict[str, str]) -> list[str]:
        """Which of the files (name to sha256) are not here with that content."""
        return [name for name, sha256 in files.items() if _sha256(self.path(name)) != sha256]

    def put(self, name: str, size: int, sha256: str) -> None:
        """Take a file of `size` bytes, which follow; it has its name once it is whole."""
        part, digest, trouble = self.path(f"{name}.part"), hashlib.sha256(), None
        with contextlib.ExitStack() as stack:
            file = None
            try:
                file = stack.enter_context(part.open("wb", buffering=0))
            except OSError as error:
                trouble = error
            while size:  # to the end also in trouble: what follows must not be taken for a command
                piece = self.inlet.some(size)
                size -= len(piece)
                digest.update(piece)
                try:
                    while file and trouble is None and piece:
                        piece = piece[file.write(piece) :]
                except OSError as error:
                    trouble = error
        if trouble is not None:
            part.unlink(missing_ok=True)
            raise OSError(trouble.errno, trouble.strerror, str(part))
        if digest.hexdigest() != sha256:
            part.unlink()
            raise ValueError(f"{name} arrived with other bytes than it was sent with")
        part.replace(self.path(name))

    def unpack(self, wheels: Sequence[str], site: str) -> None:
        """Unpack wheels into the folder `site`: wheels of this kind need no more, so no pip and no venv."""
        place, part = self.path(site), self.path(f"{site}.part")
        if place.is_dir():
            return
        shutil.rmtree(part, ignore_errors=True)
        for wheel in wheels:
            with zipfile.ZipFile(self.path(wheel)) as archive:
                archive.extractall(part)
        part.replace(place)

    def run(self, script: str, arguments: Sequence[str], site: str) -> None:
        """Start a Python script in the folder, with `site` (a folder here, or empty) before the board's packages."""
        environment = dict(os.environ, TMPDIR=str(self.folder))  # so that no temporary file outlives a killed script
        if site:
            environment.update(PYTHONPATH=str(self.path(site)), PYTHONNOUSERSITE="1")
        self.script = subprocess.Popen(
            [sys.executable, str(self.path(script)), *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        with contextlib.suppress(OSError):  # where memory runs out, the script goes, not this program, which cleans up
            Path(f"/proc/{self.script.pid}/oom_score_adj").write_text("1000")
        hearing = threading.Thread(target=self.hear, args=(self.script,), daemon=True)
        hearing.start()
        threading.Thread(target=self.follow, args=(self.script, hearing), daemon=True).start()

    def hear(self, script: subprocess.Popen[str]) -> None:
        """Pass on what the script says."""
        assert script.stderr is not None
        for line in script.stderr:
            self.tell(said=line)

    def follow(self, script: subprocess.Popen[str], hearing: threading.Thread) -> None:
        """Tell how the script ended, after its last words."""
        code = script.wait()
        _kill(script)  # what it left running would keep its stderr open
        hearing.join()
        self.tell(ended=code)

    def fetch(self, name: str) -> str:
        """The text of a file."""
        return self.path(name).read_text()

    def size(self, name: str) -> int:
        """How many bytes a file has."""
        return self.path(name).stat().st_size

    def piece(self, name: str, start: int) -> dict[str, str]:
        """A piece of a file in base64, and the sha256 of all up to its end; pieces are asked for in order."""
        if not start:
            self.digest = hashlib.sha256()
        with self.path(name).open("rb") as file:
            file.seek(start)
            piece = file.read(PIECE)
        self.digest.update(piece)
        return {"piece": base64.b64encode(piece).decode(), "sha256": self.digest.hexdigest()}

    def forget(self, name: str) -> None:
        """Remove a file."""
        self.path(name).unlink()

    def leave(self) -> None:
        """Kill what was started and remove the folder."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if self.script is not None:
            _kill(self.script)
            self.script.wait()
        if self.folder is not None and not self.keep:
            for _ in range(REMOVALS):  # a process that is just dying may still write
                shutil.rmtree(self.folder, ignore_errors=True)
                if not self.folder.exists():
                    break
                time.sleep(0.1)


def _kill(script: subprocess.Popen[str]) -> None:
    """With all processes that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(script.pid, signal.SIGKILL)


def _lock(path: Path) -> int | None:
    """Take a lock that ends with this program, however that ends; None where another has it."""
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _sweep(place: Path) -> None:
    """Remove the folders of runs that could not do so themselves, as when the board lost its power."""
    for folder in place.glob(f"{KEPT}-*"):
        with contextlib.suppress(OSError):  # of another user
            lock = _lock(folder / LOCK) if (folder / LOCK).exists() else None
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for piece in iter(lambda: file.read(CHUNK), b""):
                digest.update(piece)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def main(word: str, patience_s: str) -> None:
    """Serve what comes in on the standard input."""
    for number in SIGNALS:
        signal.signal(number, lambda *_: sys.exit(1))
    board = Board(word, Inlet(0, float(patience_s)))
    board.tell(ready=True)
    board.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
