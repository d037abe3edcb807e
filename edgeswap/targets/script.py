"""The device script as its targets see it: its progress, its last words, and what its end means."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edgeswap.errors import TargetError
from edgeswap.progress import Step

SCRIPT = "deploy/benchmark.py"
LAST_WORDS = 20
# What the runtime says of itself; LiteRT's CompiledModel also of the NPU that it looks for.
GREETINGS = ("INFO: ", "WARNING: [npu_registry.cc")
# The runtime greets piece by piece, so an error of the script may end the line that a greeting began.
GREETING = re.compile(r"^INFO: .*?(?=error: )")
# At the end of a line, not at its start: the runtime writes its own lines piece by piece.
PROGRESS = re.compile(r"progress (?P<fraction>[01](\.\d+)?) (?P<phase>\w+)\s*$")
OUTPUTS = re.compile(r"(?P<size>outputs: [\d,]+ bytes)\s*$")


class Account:
    """What the script has told so far: progress goes to the step, of the rest the last lines are kept."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.done = 0.0
        self.words: deque[str] = deque(maxlen=LAST_WORDS)

    def hear(self, line: str) -> None:
        """Take a line of the script's stderr."""
        line = GREETING.sub("", line)
        told = PROGRESS.search(line)
        if told:
            fraction = float(told["fraction"])
            self.step.advance(fraction - self.done, told["phase"])
            self.done = fraction
        elif size := OUTPUTS.search(line):
            self.step.advance(0.0, size["size"])
        elif line.strip() and not line.startswith(GREETINGS):
            self.words.append(line.rstrip())

    def quote(self) -> str:
        """The last words, as a sentence; empty where there are none."""
        return f"Its last words: {' | '.join(self.words)}" if self.words else ""


class Listener(threading.Thread):
    """Reads the script's stderr into an account.

    Attributes:
        heard: set whenever it said something or ended; whoever waits clears it.
        closed: set once the stream has ended.
    """

    def __init__(self, stream: Iterable[str], account: Account) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.account = account
        self.heard = threading.Event()
        self.closed = threading.Event()

    def run(self) -> None:
        """Read to the end."""
        for line in self.stream:
            self.account.hear(line)
            self.heard.set()
        self.closed.set()
        self.heard.set()


def failure(name: str, code: int, account: Account) -> TargetError:
    """What it means that the script ended with `code`, an exit code or a signal's number below 0, on target `name`."""
    words = list(account.words)
    reported = next((index for index, line in enumerate(words) if line.startswith("error: ")), None)
    if code == 1 and reported is not None:
        problem = words[reported].removeprefix("error: ")
        return TargetError(f"{name}: {problem}", " ".join(words[reported + 1 :]) or "See the problem above.")
    if code < 0:
        ended = signal.Signals(-code).name
        hint = " Too little memory is the usual cause." if ended == "SIGKILL" else ""
        return TargetError(
            f"{name}: the device script was ended by {ended}.", (account.quote() + hint).strip() or "Run it again."
        )
    return TargetError(f"{name}: the device script failed with exit code {code}.", account.quote() or "Run it by hand.")


def silent(name: str, silence_s: float, account: Account) -> TargetError:
    """What it means that the script said nothing for `silence_s` seconds on target `name`."""
    return TargetError(
        f"{name}: the device script said nothing for {silence_s:g} s and was ended.",
        account.quote() or "Try fewer samples, or a smaller model.",
    )


def watch(
    command: Sequence[str],
    step: Step,
    *,
    name: str,
    silence_s: float,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run the script as a process of this machine until it ends well; however this ends, none of it is left running.

    Args:
        command: that starts it.
        step: told how far it is.
        name: of the target, for errors.
        silence_s: how long it may say nothing before it counts as hung, in seconds.
        environment: all of its variables; None is this process's own.
        folder: where it runs; None is this process's own.

    Raises:
        TargetError: it failed, crashed, was killed or hung.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        errors="replace",
        env=environment,
        cwd=folder,
    ) as process:
        assert process.stderr is not None
        account = Account(step)
        listener = Listener(process.stderr, account)
        listener.start()
        try:
            while not listener.closed.wait(0):
                if not listener.heard.wait(silence_s):
                    raise silent(name, silence_s, account)
                listener.heard.clear()
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # the script has processes of its own
            raise
        finally:
            process.wait()
            listener.join()
    if process.returncode:
        raise failure(name, process.returncode, account)
