"""Progress of long steps. Stages are handed a `Progress`; they never print."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO


class Step(Protocol):
    """A running step."""

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Say that `amount` more of the step's total is done; `note` is shown beside it, such as a loss."""

    def expect(self, total: float) -> None:
        """Say what the total is, once it is known."""


class Progress(Protocol):
    """Where steps are announced."""

    def step(self, title: str, total: float | None = None) -> AbstractContextManager[Step]:
        """Announce a step of `total` units; without a total only the time spent is shown."""


class _SilentStep:
    def advance(self, amount: float = 1, note: str = "") -> None: ...

    def expect(self, total: float) -> None: ...


class Silent:
    """Says nothing: the default of the Python interface."""

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:  # noqa: ARG002
        """Accept a step and say nothing of it."""
        yield _SilentStep()


class Plain:
    """One line when a step is done, for logs: no control characters."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:  # noqa: ARG002
        """Write the step's title and the seconds it took, after it."""
        started = time.monotonic()
        yield _SilentStep()
        self.stream.write(f"{title} ({time.monotonic() - started:.1f} s)\n")
        self.stream.flush()


class Bars:
    """A live bar with the time left, on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415  (kept out of start-up)

        self.console = Console(file=stream)

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Step]:
        """Show a bar for the step, which stays with its time when it is done."""
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415
        from rich.progress import Progress as RichProgress  # noqa: PLC0415

        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[note]}"),
        )
        with RichProgress(*columns, console=self.console) as rich_progress:
            task = rich_progress.add_task(f"{title:<34}", total=total, note="")

            class RichStep:
                def advance(self, amount: float = 1, note: str = "") -> None:
                    rich_progress.update(task, advance=amount, note=note)

                def expect(self, total: float) -> None:
                    rich_progress.update(task, total=total)

            yield RichStep()
            finished = rich_progress.tasks[0].total or 1
            rich_progress.update(task, total=finished, completed=finished)


def progress_for(stream: TextIO) -> Progress:
    """Bars where `stream` is a terminal, plain lines where it is not."""
    return Bars(stream) if stream.isatty() else Plain(stream)
