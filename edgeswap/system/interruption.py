"""Ctrl-C and the signals that end a process, as one exception, so that whatever is open closes behind itself."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Impatient presses must not interrupt the cleaning up; one that comes later is for a run that did not end.
PATIENCE_S = 2.0


class Interrupted(BaseException):
    """A signal asked the run to end. No Exception, so that nothing takes it for a failure to get over."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number  # as a shell counts


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` in the block's main thread when a signal asks the process to end.

    A signal that the process was started to ignore, as by nohup, stays ignored.
    """
    last = -PATIENCE_S

    def interrupt(number: int, _frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PATIENCE_S:
            last = now
            raise Interrupted(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
