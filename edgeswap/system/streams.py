"""Standard streams that are there: a run started without them, as by a service, works all the same."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, TextIO


def mend_streams() -> None:
    """Open what of stdin, stdout and stderr is closed to nowhere, and let stderr never fail.

    With a closed descriptor the next file that is opened would get its number, and be written to as if it were stderr.
    What is lost on stderr, closed or on a full disk, is words; the result must not be lost with them.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            os.set_inheritable(descriptor, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "w" if descriptor else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.stderr = Unfailing(sys.stderr)


class Unfailing:
    """A text stream whose writes never fail: what cannot be written is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write `text`, or drop it."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write out what waits, or drop it."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
