"""`edgeswap swap`."""

from __future__ import annotations

import sys
from typing import Any

import click

from edgeswap.cli import options
from edgeswap.cli.invocation import show, start
from edgeswap.cli.options import option


@options.command(short_help="Write a Keras model with other activations.")
@click.argument("model")
@options.swaps("Activation for every hidden layer, such as hard_swish.")
@option(
    "--data", metavar="SPEC", heading="Data", help="Samples on which to show how the swap changes ranges and outputs."
)
@options.images
@options.model_file
@options.output("FILE", "File to write, ending in .keras.", required=True)
@options.debug
def swap(**flags: Any) -> int:
    """Write MODEL with other activations, as a .keras file of its own framework, for more training.

    MODEL is a .keras or .h5 file. Its weights stay, so its accuracy falls until it is trained again; `edgeswap export`
    does both. The file opens in plain Keras:
    keras.models.load_model(FILE, custom_objects=edgeswap.custom_objects())

    SPEC is that of `edgeswap export`.
    """
    from edgeswap.config.model import swap_config  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.data.look import look  # noqa: PLC0415
    from edgeswap.model.rehearsal import preview  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import swapped as rendering  # noqa: PLC0415
    from edgeswap.system.output import check_file  # noqa: PLC0415

    config = swap_config(flags)
    check_file(config.output, overwrite=config.overwrite)
    look(config.data)
    preview(config.model, trust=config.trust, custom_objects=config.custom_objects)
    swapped = start("edgeswap.commands.swap", progress_for(sys.stderr)).swap_file(config)
    show(swapped, False, rendering.render, file=str(config.output))
    return 0
