"""`edgeswap calibrate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from edgeswap.cli import options
from edgeswap.cli.invocation import Invocation, show
from edgeswap.cli.options import option


@options.command(short_help="Choose calibration samples that cover classes and ranges.")
@option("--data", metavar="SPEC", required=True, heading="Data", help="Samples to choose from.")
@option("--test-data", metavar="SPEC", heading="Data", help="Samples for the figures; none of them may be in --data.")
@option("-n", "count", type=click.IntRange(min=10), metavar="N", default=500, heading="Data", help="How many samples.")
@option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    heading="Data",
    help="Model whose tensors' ranges are to be covered.  [default: none, the ranges of the inputs]",
)
@options.images
@options.model_file
@options.output("NAME.npz", "File for the samples; NAME.json beside it tells how they were chosen.", required=True)
@options.as_json("the manifest")
@options.seed
@options.debug
@click.pass_obj
def calibrate(invocation: Invocation, /, as_json: bool, **flags: Any) -> int:
    """Choose samples for calibration and write them to an .npz for `edgeswap export --calibration`.

    Up to half of the samples are those that extend the ranges most, one after another. The rest is drawn by chance;
    with labels, each class about as often. What both cover is told beside a random choice of the same size.

    SPEC is that of `edgeswap export`; what is neither an .npz nor the digits needs --model, as images get its size. The
    samples are written raw, so --preprocess of export stays the same.
    """
    from edgeswap.commands.calibrate import calibrate as run  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.config.calibrate import calibrate_config  # noqa: PLC0415
    from edgeswap.data.look import look  # noqa: PLC0415
    from edgeswap.model.rehearsal import preview  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import calibrated  # noqa: PLC0415

    config = calibrate_config(flags)
    for spec in (config.data, config.test_data):
        look(spec)
    if config.model is not None:
        preview(config.model, trust=config.trust, custom_objects=config.custom_objects)
    manifest = run(config, command=["edgeswap", *invocation.arguments], progress=progress_for(sys.stderr))
    show(manifest, as_json, calibrated.render, file=str(config.output))
    return 0
