"""A target in a process of its own, so that several run side by side and an interrupt reaches each of them.

A thread cannot be interrupted while it waits for a program; a process can, and then closes behind itself as it does
when it runs alone. `python -m edgeswap.targets.apart` is the other side: what to run comes pickled on standard input,
events go as JSON lines to standard output, and it ends, cleaning up, when standard input does.

`multiprocessing` does not serve here: its new process runs the user's own script again unless that is guarded, does not
start where the script came on standard input, and finds a stranger's `struct.py` in the working folder before Python's.
"""

from __future__ import annotations

import itertools
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from edgeswap.errors import EdgeswapError, TargetError
from edgeswap.progress import Progress, Step
from edgeswap.system.child import child_command
from edgeswap.system.interruption import Interrupted, interruptible
from edgeswap.targets.measure import Target

COMMAND = child_command("edgeswap.targets.apart")


class Apart:
    """Runs `target` in a process of its own. It satisfies `edgeswap.targets.measure.Target`.

    Args:
        target: what can be pickled.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.name = target.name
        self._lock = threading.Lock()
        self._ended = False
        self._running: subprocess.Popen[bytes] | None = None

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        """As `target.run`, which see.

        Raises:
            TargetError: as the target's own; or the process crashed, or `end` was called.
        """
        with (
            tempfile.TemporaryFile() as stderr,
            subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C in the terminal is for the process that waits here
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                with self._lock:
                    self._running = process
                    if self._ended:
                        process.stdin.close()
                    else:
                        pickle.dump((self.target, dict(files), list(arguments), dict(brings or {})), process.stdin)
                        process.stdin.flush()
                last = _follow(process.stdout, progress)
            finally:
                self._close()
                process.wait()
            if "answer" in last:
                answer: dict[str, Any] = last["answer"]
                return answer
            if "problem" in last:
                raise TargetError(last["problem"], last["remedy"])
            stderr.seek(0)
            said = stderr.read().decode(errors="replace").strip().splitlines()
            raise TargetError(
                f"{self.name}: the process that measured there ended with {process.returncode} and gave no answer.",
                f"Its last words: {said[-1]}" if said else "Run it again.",
            )

    def end(self) -> None:
        """Ask the process to clean up and end, now or as soon as it begins; `run` then raises."""
        with self._lock:
            self._ended = True
        self._close()

    def _close(self) -> None:
        with self._lock:
            if self._running is not None and self._running.stdin is not None:
                with suppress(BrokenPipeError):  # it has ended, and what was not flushed is of no use to it
                    self._running.stdin.close()


def _follow(events: IO[bytes], progress: Progress) -> dict[str, Any]:
    """Pass the other side's steps on to `progress`; its last event, which holds the answer or the error."""
    open_steps: dict[int, tuple[AbstractContextManager[Step], Step]] = {}
    last: dict[str, Any] = {}
    for line in events:
        last = json.loads(line)
        match last.get("event"):
            case "begin":
                manager = progress.step(last["title"], last["total"])
                open_steps[last["step"]] = manager, manager.__enter__()
            case "advance":
                open_steps[last["step"]][1].advance(last["amount"], last["note"])
            case "expect":
                open_steps[last["step"]][1].expect(last["total"])
            case "warn":
                progress.warn(last["problem"], last["remedy"])
            case "finish":
                manager, _ = open_steps.pop(last["step"])
                manager.__exit__(None, None, None)
    broken = TargetError("", "")  # a step that did not finish must not be shown as done
    for manager, _ in open_steps.values():
        with suppress(TargetError):
            manager.__exit__(TargetError, broken, None)
    return last


class _Told:
    """A `Progress` that tells the other side."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self.tell = tell
        self.numbers = itertools.count()

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:
        number, tell = next(self.numbers), self.tell

        class Told:
            def advance(self, amount: float = 1, note: str = "") -> None:
                tell(event="advance", step=number, amount=amount, note=note)

            def expect(self, total: float) -> None:
                tell(event="expect", step=number, total=total)

        tell(event="begin", step=number, title=title, total=total)
        yield Told()
        tell(event="finish", step=number)

    def warn(self, problem: str, remedy: str) -> None:
        self.tell(event="warn", problem=problem, remedy=remedy)


def main() -> int:
    """The other side; the exit code."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what else writes to standard output must not come between

    def tell(**event: Any) -> None:
        with suppress(BrokenPipeError):  # nobody listens any more: standard input has ended too, which ends this
            events.write(json.dumps(event) + "\n")

    try:
        with interruptible():
            target, files, arguments, brings = pickle.load(sys.stdin.buffer)  # from the process that started this one
            threading.Thread(target=_end_with_input, daemon=True).start()
            tell(answer=target.run(files, arguments, progress=_Told(tell), brings=brings))
    except EdgeswapError as error:
        tell(problem=error.problem, remedy=error.remedy)
    except Interrupted as interrupted:
        return interrupted.exit_code
    except EOFError:  # it was ended before it was told anything
        return 1
    return 0


def _end_with_input() -> None:
    while os.read(0, 1):  # not through sys.stdin, whose lock this thread would hold when the process ends by itself
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
