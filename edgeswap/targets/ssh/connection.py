"""What can be asked over a connection whose far end is `far_end`; `open` opens one.

Names of files and commands go as JSON on the far end's standard input, and it starts programs by lists of arguments: no
shell reads any of them, so that nothing is quoted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import queue
import select
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from edgeswap.errors import TargetError
from edgeswap.targets.ssh.failure import cut

CHUNK = 1 << 16
LEAVE_S = 20.0


class Connection:
    """What can be asked of `far_end` there; made by `open.connect`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], word: str, *, silence_s: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.name = name
        self.process = process
        self.word = word.encode()
        self.silence_s = silence_s
        self.told: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.words: deque[str] = deque(maxlen=50)
        self.sending = threading.RLock()
        os.set_blocking(process.stdin.fileno(), False)
        self.readers = [threading.Thread(target=read, daemon=True) for read in (self._hear, self._overhear)]
        for reader in self.readers:
            reader.start()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        # A line that something else wrote into is the end: what is missing of it cannot be had again.
        with self.process.stdout as stream, suppress(json.JSONDecodeError):
            for line in stream:
                first, _, rest = line.partition(b" ")
                if first == self.word:  # anything else is what a login shell prints
                    shell = not rest.startswith(b"{")
                    self.told.put({"shell": rest.decode(errors="replace")} if shell else json.loads(rest))
        self.told.put(None)

    def _overhear(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                self.words.append(line.decode(errors="replace").rstrip())

    def hear(self, patience_s: float) -> dict[str, Any]:
        """What the board says next.

        Raises:
            queue.Empty: it said nothing for so long.
            ConnectionCutError: the connection ended.
            TargetError: what was asked for could not be done there.
        """
        told = self.told.get(timeout=patience_s)
        if told is None:
            raise self._gone()
        if "error" in told:
            raise self._trouble(told)
        return told

    def ask(self, do: str, **arguments: Any) -> Any:
        """Have one of the verbs of `far_end.Board` done, and return its answer.

        Raises:
            ConnectionCutError: the connection ended.
            TargetError: it could not be done there.
        """
        self.send({"do": do, **arguments})
        return self._answer(do)

    def put(self, path: Path, sent_as: str, sha256: str, advance: Callable[[int], None]) -> None:
        """Copy a file; `advance` is told of every piece, in bytes. The errors are those of `ask`."""
        frame = {"do": "put", "name": sent_as, "size": path.stat().st_size, "sha256": sha256}
        with path.open("rb") as file:
            self.send(frame, iter(lambda: file.read(CHUNK), b""), advance)
        self._answer("put")

    def bring(self, name: str, size: int, path: Path, advance: Callable[[int], None]) -> None:
        """Copy a file from there to `path`, where it appears once it is whole; there it goes.

        Args:
            name: of the file in the folder there.
            size: how many bytes it has.
            path: where it goes here.
            advance: told of every piece, in bytes.

        Raises:
            ConnectionCutError: the connection ended.
            TargetError: there is no such file, it cannot be read there, or it arrived damaged.
            OSError: it cannot be written here.
        """
        part, digest, came = path.with_name(f"{path.name}.part"), hashlib.sha256(), 0
        try:
            with part.open("wb") as file:
                while came < size:
                    told = self.ask("piece", name=name, start=came)
                    piece = base64.b64decode(told["piece"])
                    digest.update(piece)
                    if not piece or digest.hexdigest() != told["sha256"]:
                        raise self._trouble({"error": "damaged", "detail": name})
                    file.write(piece)
                    came += len(piece)
                    advance(len(piece))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        self.ask("forget", name=name)

    def send(
        self,
        frame: dict[str, Any],
        payload: Iterator[bytes] = iter(()),  # noqa: B008  (empty)
        advance: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Send a line and what follows it, with nothing in between."""
        with self.sending:
            self.write(json.dumps(frame).encode() + b"\n")
            for piece in payload:
                self.write(piece)
                advance(len(piece))

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin is not None
        if self.process.stdin.closed:
            raise self._gone()
        descriptor = self.process.stdin.fileno()
        room = select.poll()
        room.register(descriptor, select.POLLOUT)
        while data:
            if not room.poll(1000 * self.silence_s):
                raise self._hung()
            try:
                data = data[os.write(descriptor, data) :]
            except BrokenPipeError:
                raise self._gone() from None

    def _answer(self, do: str) -> Any:
        try:
            while (told := self.hear(self.silence_s)).get("to") != do:
                pass
        except queue.Empty:
            raise self._hung() from None
        return told["answer"]

    def _gone(self) -> TargetError:
        self.close()
        return cut(self.name, self.words)

    def _hung(self) -> TargetError:
        return TargetError(
            f"{self.name}: the board did nothing for {self.silence_s:g} s.", "Is it overloaded, or its disk failing?"
        )

    def _trouble(self, told: dict[str, Any]) -> TargetError:
        if told["error"] == "full":
            return TargetError(
                f"{self.name}: the board's disk is full at {told['path']!r}.",
                "Free some space there (about 200 MB are enough without the test samples).",
            )
        if told["error"] == "busy":
            return TargetError(
                f"{self.name}: {told['detail']} ({told['path']!r}).", "Wait for it to end, or run without keeping."
            )
        if told["error"] == "damaged":
            return TargetError(f"{self.name}: a file arrived damaged: {told['detail']}.", "Run it again.")
        return TargetError(
            f"{self.name}: the board cannot do this: {told['detail']} ({told['path']!r}).",
            "Check who owns that folder there, and that it can be written to.",
        )

    def keep_alive(self, interval_s: float, ended: threading.Event) -> None:
        """Let the board know, again and again, that somebody is there; it ends by itself otherwise."""
        while not ended.wait(interval_s):
            try:
                self.send({"do": "alive"})
            except TargetError:
                return

    def close(self) -> None:
        """End the connection, once the board has ended and removed everything: the end of its input tells it to."""
        assert self.process.stdin is not None
        if not self.sending.acquire(timeout=1.0):
            self.process.kill()  # whoever is sending finds the pipe broken
            self.sending.acquire()
        try:
            self.process.stdin.close()
        finally:
            self.sending.release()
        try:
            self.process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join(1.0)  # a shared connection of the user's may hold our stderr
