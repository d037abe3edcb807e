"""Progress of long steps. Stages are handed a `Progress`; they never print."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from edgeswap.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import ProgressColumn

# A step that ends sooner is not worth a line in a log.
LONG_S = 2.0
# A step's title, how much is done, and of how much.
Tell = Callable[[str, float | None, float | None], object]


class Step(Protocol):
    """A running step."""

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Say that `amount` more of the step's total is done; `note` is shown beside it, such as a loss."""

    def expect(self, total: float) -> None:
        """Say what the total is, once it is known."""


class Progress(Protocol):
    """Where steps are announced."""

    def step(self, title: str, total: float | None = None) -> AbstractContextManager[Step]:
        """Announce a step of `total` units; None where nothing can be counted."""

    def warn(self, problem: str, remedy: str) -> None:
        """Say at once what the user may want to know before the run goes on; the report says it again."""


class _SilentStep:
    def advance(self, amount: float = 1, note: str = "") -> None: ...

    def expect(self, total: float) -> None: ...


class Silent:
    """Says nothing."""

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:  # noqa: ARG002
        """Accept a step and say nothing of it."""
        yield _SilentStep()

    def warn(self, problem: str, remedy: str) -> None:
        """Say nothing: the report has it."""


class Logged:
    """Tells the logger `edgeswap`: INFO of every step when it begins, WARNING of what a user should know.

    This is the default of the Python interface.

    Args:
        words: what warnings are said in, from the words of the command line.
    """

    def __init__(self, words: Callable[[str], str] = str) -> None:
        self.words = words

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:  # noqa: ARG002
        """Log the step's title."""
        logging.getLogger("edgeswap").info("%s", title)
        yield _SilentStep()

    def warn(self, problem: str, remedy: str) -> None:
        """Log both sentences."""
        logging.getLogger("edgeswap").warning("%s %s", self.words(problem), self.words(remedy))


class Told(Logged):
    """Calls a function of the user's own, from whatever thread a step runs in; warnings go to the logger.

    Args:
        tell: called with a step's title, how much of it is done and of how much in all: when it begins, at every
            advance, and when it ends, then with `done` equal to `total`. Both are None while nothing can be counted.
        words: see `Logged`.
    """

    def __init__(self, tell: Tell, words: Callable[[str], str] = str) -> None:
        super().__init__(words)
        self.tell = tell

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:
        """Tell of the step."""
        running = _ToldStep(title, total, self.tell)
        running.advance(0)
        yield running
        ended = running.total or running.done or 1.0
        self.tell(title, ended, ended)


class _ToldStep:
    def __init__(self, title: str, total: float | None, tell: Tell) -> None:
        self.title, self.tell = title, tell
        self.done, self.total = 0.0, None if total is None else float(total)

    def advance(self, amount: float = 1, note: str = "") -> None:  # noqa: ARG002
        self.done += amount
        self.tell(self.title, None if self.total is None else self.done, self.total)

    def expect(self, total: float) -> None:
        self.total = float(total)


class Plain:
    """One line when a step is done that took some time, for logs: no control characters."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:  # noqa: ARG002
        """Write the step's title and the seconds it took, after it."""
        started = time.monotonic()
        yield _SilentStep()
        took_s = time.monotonic() - started
        if took_s >= LONG_S:
            self.stream.write(f"{title} ({took_s:.1f} s)\n")
            self.stream.flush()

    def warn(self, problem: str, remedy: str) -> None:
        """Write it in two lines, as errors are."""
        self.stream.write(_warning(problem, remedy) + "\n")
        self.stream.flush()


class Bars:
    """Live bars with the time left, on a terminal of any width: one for each step that runs, from any thread."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415  (kept out of start-up)

        self.console = Console(file=stream)
        self._lock = threading.Lock()
        self._display: RichProgress | None = None
        self._running = 0

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:
        """Show a bar for the step, which stays with its time when it is done."""
        with self._shown() as rich_progress:
            task = rich_progress.add_task(title, total=total, note="")

            class RichStep:
                def advance(self, amount: float = 1, note: str = "") -> None:
                    rich_progress.update(task, advance=amount, note=note)

                def expect(self, total: float) -> None:
                    rich_progress.update(task, total=total)

            yield RichStep()
            finished = next(shown.total for shown in rich_progress.tasks if shown.id == task) or 1
            rich_progress.update(task, total=finished, completed=finished)

    def warn(self, problem: str, remedy: str) -> None:
        """Print it above the bars, as errors are printed."""
        from rich.text import Text  # noqa: PLC0415  (as above)

        with self._lock:
            console = self.console if self._display is None else self._display.console
            console.print(Text(_warning(problem, remedy), style="yellow"), soft_wrap=True)

    @contextmanager
    def _shown(self) -> Iterator[RichProgress]:
        """The display of all steps that run at once: a terminal has room for one."""
        from rich.progress import Progress as RichProgress  # noqa: PLC0415

        with self._lock:
            if self._display is None:
                columns = _columns(self.console.options.ascii_only)
                self._display = RichProgress(*columns, console=self.console)
                self._display.start()
            self._running += 1
            display = self._display
        try:
            yield display
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self._display = None
                    display.stop()


def _columns(ascii_only: bool) -> tuple[ProgressColumn, ...]:
    """At most 80 characters with the longest title and note that there are."""
    from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn  # noqa: PLC0415  (as above)
    from rich.table import Column  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class Time(ProgressColumn):
        """What is left; once done, what it took; while nothing can be told, what has passed."""

        def render(self, task: Task) -> Text:
            if task.finished:
                return Text(f"{_clock(task.finished_time)}     ")
            left = task.time_remaining
            return Text(f"{_clock(task.elapsed)} ... " if left is None else f"{_clock(left)} left")

    return (
        SpinnerColumn("line" if ascii_only else "dots", finished_text="+" if ascii_only else "[green]✓"),
        TextColumn("{task.description}", table_column=Column(width=28, no_wrap=True)),
        BarColumn(bar_width=14),
        Time(table_column=Column(no_wrap=True, justify="right")),
        TextColumn("[dim]{task.fields[note]}", table_column=Column(no_wrap=True)),
    )


def _warning(problem: str, remedy: str) -> str:
    """Names in it may be other people's text: a control character must not rewrite the terminal."""
    lines = (f"warning: {problem}", remedy)
    return "\n".join("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)


def _clock(seconds: float | None) -> str:
    minutes, rest = divmod(round(seconds or 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def progress_for(stream: TextIO) -> Progress:
    """Bars where `stream` is a terminal that can move its cursor, plain lines where it is not."""
    if not stream.isatty():
        return Plain(stream)
    bars = Bars(stream)
    return Plain(stream) if bars.console.is_dumb_terminal else bars


def progress_to(given: Progress | Tell | None, words: Callable[[str], str] = str) -> Progress:
    """Where to tell of steps, from what a Python caller gave: a `Progress`, a callable for `Told`, or None.

    Raises:
        ConfigError: it is nothing of these.
    """
    if given is None:
        return Logged(words)
    if hasattr(given, "step") and hasattr(given, "warn"):
        return given
    if callable(given):
        return Told(given, words)
    raise ConfigError(
        f"Expected a Progress, a callable or None for progress, got {given!r}.",
        "Give a function of a step's title, how much is done, and of how much: def tell(title, done, total).",
    )
