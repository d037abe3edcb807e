"""The commands of the command line that take models to targets: `bench`, `target` and `bundle`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from edgeswap.cli.invocation import VERDICT_NO, Invocation, debug_option, say_failures, target_options


@click.command()
@click.argument("models", metavar="MODEL.tflite MODEL.tflite ...", nargs=-1)
@target_options
@click.option("--data", metavar="SPEC", help="Samples for accuracy; without it, latency alone.")
@click.option("--preprocess", metavar="NAME", help="As of export.")
@click.option("--resize", metavar="NAME", help="Of image files: pillow | keras (as its loader) | crop. [pillow]")
@click.option("--samples", "target_samples", metavar="N", help="How many of them, evenly spaced. [all; 200 emulated]")
@click.option("--runs", metavar="N", help="Timed runs of each model. [by time]")
@click.option("--quick", is_flag=True, help="Fewer timed runs.")
@click.option("-o", "--output", metavar="FILE.json", help="Write the report there too.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier file.")
@click.option("--json", "as_json", is_flag=True, help="Put the report on stdout as JSON.")
@debug_option
@click.pass_obj
def bench(invocation: Invocation, /, as_json: bool, **flags: Any) -> int:
    """Measure .tflite files side by side on every TARGET, of any precision. It needs no TensorFlow.

    The first MODEL is the baseline that the others are compared with. Their inputs may have other names: they are
    matched by name, or else by order and shape.

    SPEC and TARGET are those of `edgeswap export`. A target that fails takes nothing from the others; the exit code is
    then 1.
    """
    from edgeswap.commands.bench import bench as measured  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.config.bench import bench_config  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415

    config = bench_config(flags)
    report = measured(config, command=["edgeswap", *invocation.arguments], progress=progress_for(sys.stderr))
    if as_json:
        click.echo(report.model_dump_json(by_alias=True, indent=2))
    else:
        from rich.console import Console  # noqa: PLC0415

        from edgeswap.report import benched  # noqa: PLC0415

        benched.render(report, Console(), file=None if config.output is None else str(config.output))
    return say_failures(report) if report.failures else 0


@click.group()
@debug_option
def target() -> None:
    """Say where models can be measured from here, or build the emulator."""


@target.command("list")
@click.option("--json", "as_json", is_flag=True, help="Put the list on stdout as JSON.")
@debug_option
def list_targets(as_json: bool) -> None:
    """List every TARGET: what is ready, what is missing on this machine, and the command that mends it."""
    from edgeswap.targets.readiness import readiness  # noqa: PLC0415  (keeps --help fast)

    found = readiness()
    if as_json:
        import json  # noqa: PLC0415
        from dataclasses import asdict  # noqa: PLC0415

        click.echo(json.dumps([{**asdict(entry), "ready": not entry.missing} for entry in found], indent=2))
        return
    from rich.console import Console  # noqa: PLC0415

    from edgeswap.report import readiness as rendering  # noqa: PLC0415

    rendering.render(found, Console())


@target.command("build")
@click.argument("what", metavar="[emulator]", default="emulator", type=click.Choice(["emulator"]))
@debug_option
def build_target(what: str) -> None:
    """Make what the emulator's targets run in: an arm64 Debian, the Arm runtimes, and an instruction counter."""
    from edgeswap.progress import progress_for  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.targets.emulator import build  # noqa: PLC0415

    click.echo(f"{what} ready in {build(progress=progress_for(sys.stderr))}")


@click.group()
@debug_option
def bundle() -> None:
    """Look into the bundle.zip that an export writes for an app."""


@bundle.command("verify")
@click.argument("bundle", metavar="BUNDLE.zip")
@click.option("--target", metavar="TARGET", multiple=True, help="Where to run the golden vectors. [host]")
@click.option("--json", "as_json", is_flag=True, help="Put what was found on stdout as JSON.")
@debug_option
def verify_bundle(bundle: str, target: tuple[str, ...], as_json: bool) -> int:
    """Check that BUNDLE.zip is whole, that its files agree, and that its model gives the golden outputs on a TARGET.

    Nothing of it is unpacked. TARGET is that of `edgeswap export`. The exit code is 3 if it does not verify.
    """
    from edgeswap.bundle.verify import verify  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.targets.names import HOST, open_targets, require_usable  # noqa: PLC0415
    from edgeswap.targets.readiness import require_ready  # noqa: PLC0415

    names = target or (HOST,)
    require_usable(names, None)
    require_ready(names)
    found = verify(Path(bundle), open_targets(names), progress=progress_for(sys.stderr))
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        from rich.console import Console  # noqa: PLC0415

        from edgeswap.report import verified as terminal  # noqa: PLC0415

        terminal.render(found, Console())
    return 0 if found.passed else VERDICT_NO
