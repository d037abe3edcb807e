"""What every command does around its work: start TensorFlow, show a report, say that something went wrong."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

LONGEST = 1500  # characters of a sentence that is said


@dataclass
class Invocation:
    """One call of the command line.

    Attributes:
        arguments: as they were typed.
        debug: whether an error is to show where in the code it arose.
    """

    arguments: Sequence[str]
    debug: bool = False


def start(stages: str, progress: Any) -> Any:
    """The module called `stages`, which imports TensorFlow."""
    with progress.step("Start TensorFlow"):
        return importlib.import_module(stages)


def show(report: Any, as_json: bool, render: Callable[..., None], **how: Any) -> None:
    """Put a report on stdout, as JSON or by `render(report, console, **how)` for people."""
    if as_json:
        click.echo(report.model_dump_json(by_alias=True, indent=2))
        return
    from rich.console import Console  # noqa: PLC0415  (keeps --help fast)

    render(report, Console(), **how)


def say_failures(report: Any) -> int:
    """Tell of targets that failed beside others that did not; the report has their words."""
    names = ", ".join(failure.name for failure in report.failures)
    count = len(report.targets) + len(report.npus) + len(report.failures)
    return say(
        f"{len(report.failures)} of {count} targets gave no figures: {names}.",
        "The report says why, and has what the others gave.",
        1,
    )


def say(problem: str, remedy: str, code: int) -> int:
    """Tell of an error on stderr; gives the exit code back."""
    click.echo(f"error: {_shown(problem)}\n{_shown(remedy)}", err=True)
    return code


def _shown(text: str) -> str:
    """The text with an end, and with what does not print written out: it may quote the names of a stranger's file."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text):,} characters)"
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in cut)
