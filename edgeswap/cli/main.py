"""The command line: argv to config to stage to exit code. The only place where an error becomes text."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from edgeswap import forks
from edgeswap.cli import options
from edgeswap.cli.activations import activations
from edgeswap.cli.analyze import analyze
from edgeswap.cli.bench import bench
from edgeswap.cli.bundle import bundle
from edgeswap.cli.cache import cache
from edgeswap.cli.calibrate import calibrate
from edgeswap.cli.check import check
from edgeswap.cli.config import config
from edgeswap.cli.export import export
from edgeswap.cli.init import init
from edgeswap.cli.invocation import Invocation, say
from edgeswap.cli.report import report
from edgeswap.cli.swap import swap
from edgeswap.cli.sweep import sweep
from edgeswap.cli.target import target
from edgeswap.errors import ConfigError, EdgeswapError, notes
from edgeswap.system.scratch import is_full
from edgeswap.version import __version__


class InOrder(click.Group):
    """A group that lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """The names of the commands."""
        return list(self.commands)


@click.group(
    cls=InOrder,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="edgeswap")
@options.debug
@click.pass_context
def cli(context: click.Context) -> None:
    """Turn a trained Keras model into an int8 .tflite for phones, boards and NPUs, and measure what it costs."""
    if context.invoked_subcommand is None:
        raise ConfigError(f"Expected a command ({', '.join(cli.commands)}), got none.", "See: edgeswap --help")


COMMANDS = (
    export, sweep, report, check, analyze, calibrate, swap, activations, bench, bundle, target, cache, init, config,
)  # fmt: skip
for command in COMMANDS:
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    from edgeswap.system.interruption import Interrupted, interruptible  # noqa: PLC0415
    from edgeswap.system.streams import mend_streams  # noqa: PLC0415

    mend_streams()
    forks.allow()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # other people's; ours are errors or stand in the report
    try:
        with interruptible():
            code = run(sys.argv[1:])
    except Interrupted as interrupted:
        kept = notes(interrupted) or ["Nothing was left behind."]
        code = say(f"Interrupted by {interrupted}.", " ".join(kept), interrupted.exit_code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    invocation = Invocation(arguments)
    try:
        code = cli.main(list(arguments), prog_name="edgeswap", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
        return int(code or 0)
    except click.UsageError as error:
        return say(*_usage(error), error.exit_code)
    except BrokenPipeError:  # whoever read our output has gone; what is still to be written goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EdgeswapError as error:
        if invocation.debug:
            raise
        return say(error.problem, " ".join([error.remedy, *notes(error)]), error.exit_code)
    except Exception as error:
        if invocation.debug:
            raise
        if is_full(error):
            problem, remedy = "Expected room to write to, got a full disk.", "Free some space, and run it again."
        else:
            problem = f"edgeswap itself failed: {type(error).__name__}: {' '.join(str(error).split())}"
            remedy = "Please report it with what --debug shows."
        return say(problem, " ".join([remedy, *notes(error)]), 1)


def _usage(error: click.UsageError) -> tuple[str, str]:
    """Problem and remedy of what click found wrong with the arguments."""
    command = error.ctx.command_path if error.ctx else "edgeswap"
    see = f"See: {command} --help"
    if isinstance(error, click.NoSuchOption):
        close = f"Did you mean {error.possibilities[0]}? " if error.possibilities else ""
        return f"Expected an option that {command!r} has, got {error.option_name!r}.", close + see
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"Expected {error.param.get_error_hint(error.ctx)} for {command!r}, got none.", see
    return f"Expected arguments that {command!r} takes, but: {error.format_message()}", see
