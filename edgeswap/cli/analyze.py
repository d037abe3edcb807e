"""`edgeswap analyze`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from edgeswap.cli import options
from edgeswap.cli.invocation import Invocation, show, start
from edgeswap.cli.options import ONE_OR_MORE, option


@options.command(short_help="Tell what int8 costs in each layer, why, and what helps.")
@click.argument("model")
@option("--data", metavar="SPEC", heading="Data", help="Samples for calibration and analysis.")
@option(
    "--test-data",
    metavar="SPEC",
    heading="Data",
    help="Samples that layers are judged on.  [default: a fifth of --data, set aside]",
)
@option("--calibration", metavar="SPEC", heading="Data", help="Samples that set ranges.  [default: those of --data]")
@options.images
@options.labels
@option(
    "--samples",
    type=ONE_OR_MORE,
    metavar="N",
    default=32,
    heading="Data",
    help="Test samples to judge layers on; the time grows with it.",
)
@options.task(options.METRIC.format("Metric whose drop is told,"))
@option(
    "--ranges",
    type=click.Choice(["auto", "fixed", "observed"]),
    default="auto",
    heading="Quantization",
    help="Range of a bounded activation: its bounds (fixed), or tightened by calibration (observed).",
)
@options.weight_scales
@options.dense_scales("as --weight-scales")
@options.model_file
@options.output(
    "FOLDER",
    "Folder for analysis.json, analysis.html and model_explorer.json.",
    replaces="an earlier output folder",
)
@option(
    "--tflite",
    type=click.Path(path_type=Path),
    metavar="FILE",
    heading="Output",
    help="The int8 file that export made of MODEL, whose tensors then name the nodes of model_explorer.json.",
)
@options.as_json("the report")
@options.seed
@options.debug
@click.pass_obj
def analyze(invocation: Invocation, /, as_json: bool, **flags: Any) -> int:
    """Tell for each layer of MODEL what int8 costs, why, and what helps; nothing is trained or converted.

    Each layer is put into int8 alone, and left in float32 alone, by fake-quant. What that does to the worst output is
    told as a signal-to-noise ratio, and with labels as a drop of the metric. The layer that costs most comes first.

    MODEL is a .keras or .h5 file, or a Keras 2 SavedModel; SPEC is that of `edgeswap export`.
    """
    from edgeswap.config.analyze import analyze_config  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.config.preflight import require_readable  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import analyzed  # noqa: PLC0415
    from edgeswap.system.output import check_folder  # noqa: PLC0415

    config = analyze_config(flags)
    if config.output is not None:
        check_folder(config.output, overwrite=config.overwrite)
    require_readable(config.export)
    progress = progress_for(sys.stderr)
    stages = start("edgeswap.commands.analyze", progress)
    report = stages.analyze(config, command=["edgeswap", *invocation.arguments], progress=progress)
    show(report, as_json, analyzed.render, folder=None if config.output is None else str(config.output))
    return 0
