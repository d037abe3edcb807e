"""`edgeswap bench`."""

from __future__ import annotations

import sys
from typing import Any

import click

from edgeswap.cli import exit_code, options
from edgeswap.cli.invocation import Invocation, say_failures, show
from edgeswap.cli.options import ONE_OR_MORE, option


@options.command(short_help="Measure .tflite files side by side.")
@click.argument("models", metavar="MODEL.tflite MODEL.tflite ...", nargs=-1)
@option(
    "--data", metavar="SPEC", heading="Data", help="Samples to compare the models on.  [default: none, only latency]"
)
@options.images
@options.task(options.METRIC.format("Metric for the figures,"))
@options.targets("--samples")
@option(
    "--runs", type=ONE_OR_MORE, metavar="N", heading="Measurement", help="Timed runs of each model.  [default: by time]"
)
@option("--quick", is_flag=True, show_default=False, heading="Measurement", help="Fewer timed runs.")
@options.output("FILE.json", "File to write the report to, too.")
@options.as_json("the report")
@options.debug
@click.pass_obj
def bench(invocation: Invocation, /, as_json: bool, **flags: Any) -> int:
    """Measure .tflite files of any precision side by side on each TARGET, without TensorFlow.

    The first MODEL is the baseline that the others are compared with. Inputs are matched by name, or else by order and
    shape.

    SPEC and TARGET are those of `edgeswap export`. If a target fails, the others are still measured, and the exit code
    is 1.
    """
    from edgeswap.commands.bench import bench as measured  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.config.bench import bench_config  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import benched  # noqa: PLC0415

    config = bench_config(flags)
    report = measured(config, command=["edgeswap", *invocation.arguments], progress=progress_for(sys.stderr))
    show(report, as_json, benched.render, file=None if config.output is None else str(config.output))
    if report.failures:
        return say_failures(report)
    return exit_code.of_verdict(all(limit.passed for limit in report.limits))
