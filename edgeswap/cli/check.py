"""`edgeswap check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from edgeswap.cli import options
from edgeswap.cli.invocation import VERDICT_NO, show, start
from edgeswap.cli.options import option
from edgeswap.errors import ConfigError


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
@options.custom_objects
@options.trust
@options.as_json("the findings")
@options.debug
def check(model: str, as_json: bool, **flags: Any) -> int:
    """Tell which parts of MODEL cannot be int8 on each target, why, and what to write instead.

    MODEL is a .keras or .h5 file before training, or a .tflite of any tool, which needs no TensorFlow. The exit code is
    3 if something blocks.
    """
    from edgeswap.activations.catalog import parse  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.compatibility import tflite_findings as tflite  # noqa: PLC0415
    from edgeswap.graph.swap_rule import parse_rule  # noqa: PLC0415
    from edgeswap.model.rehearsal import preview  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import checked  # noqa: PLC0415
    from edgeswap.targets.names import backend_of  # noqa: PLC0415

    targets = [backend_of(name) for name in dict.fromkeys(flags["target"])]
    activation = None if flags["activation"] is None else parse(flags["activation"])
    rules = [parse_rule(text) for text in flags["swap"]]
    if tflite.is_tflite(Path(model)):
        if activation or rules:
            raise ConfigError("Expected no swap for a .tflite, which is converted already.", "Check the Keras model.")
        report = tflite.check_file(Path(model), targets)
    else:
        preview(model, trust=flags["trust"], custom_objects=flags["custom_objects"])
        stages = start("edgeswap.commands.check", progress_for(sys.stderr))
        own = {"trust": flags["trust"], "custom_objects": flags["custom_objects"]}
        report = stages.check_file(model, targets, activation=activation, rules=rules, **own)
    show(report, as_json, checked.render)
    return 0 if report.passed else VERDICT_NO
