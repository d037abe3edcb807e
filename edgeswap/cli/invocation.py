"""What commands of the command line share: options, and how they say that something went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

VERDICT_NO = 3
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


def debug_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--debug`, before or behind the name of a command."""

    def note(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            context.obj.debug = True

    text = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, is_eager=True, expose_value=False, callback=note, help=text)(command)


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where to measure and how, in the order in which --help lists them."""
    for option in (
        click.option("--keep", is_flag=True, help="Leave on boards what was carried there, for a next run."),
        click.option("--delegate", metavar="NAME|LIB", help="xnnpack | none | edgetpu | a library. [xnnpack]"),
        click.option("--threads", metavar="N", help="Of the timed models. [1]"),
        click.option(
            "--target", metavar="TARGET", multiple=True, help="Where to measure; may be given several times. [host]"
        ),
    ):
        command = option(command)
    return command


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
