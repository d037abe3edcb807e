"""`edgeswap check`."""

from __future__ import annotations

import sys
from typing import Any

import click

from edgeswap.cli import exit_code, options
from edgeswap.cli.invocation import show
from edgeswap.cli.options import option


@options.command(short_help="Tell what of a model cannot be int8 on a target, and why.")
@click.argument("model")
@option(
    "--target",
    metavar="TARGET",
    multiple=True,
    default=("host",),
    help="Where it will run: host | mobile | coral | ssh://user@board | emulator:pi5. Repeatable.",
)
@options.swaps("Activation that every hidden layer would get.")
@options.model_file
@options.as_json("the findings")
@options.debug
def check(as_json: bool, **flags: Any) -> int:
    """Tell which parts of MODEL cannot be int8 on each target, why, and what to write instead.

    MODEL is a .keras or .h5 file before training, or a .tflite of any tool, which needs no TensorFlow. The exit code is
    3 if something blocks.
    """
    from edgeswap.commands.check import check as checked  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.config.model import check_config  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import checked as rendering  # noqa: PLC0415

    report = checked(check_config(flags), progress=progress_for(sys.stderr))
    show(report, as_json, rendering.render)
    return exit_code.of_verdict(report.passed)
