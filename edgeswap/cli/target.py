"""`edgeswap target list` and `edgeswap target build`."""

from __future__ import annotations

import sys

import click

from edgeswap.cli import options
from edgeswap.cli.invocation import show


@click.group()
@options.debug
def target() -> None:
    """List where models can be measured, or build the emulator."""


@target.command("list", cls=options.Command, short_help="List every target and what it needs.")
@options.as_json("the list")
@options.debug
def list_targets(as_json: bool) -> None:
    """List every TARGET: whether it is ready, what is missing on this machine, and the command that installs it."""
    from edgeswap.targets.readiness import readiness  # noqa: PLC0415  (keeps --help fast)

    found = readiness()
    if as_json:
        import json  # noqa: PLC0415
        from dataclasses import asdict  # noqa: PLC0415

        click.echo(json.dumps([{**asdict(entry), "ready": not entry.missing} for entry in found], indent=2))
        return
    from edgeswap.report import readiness as rendering  # noqa: PLC0415

    show(found, False, rendering.render)


@target.command("build", cls=options.Command, short_help="Build the emulator of a Raspberry Pi.")
@click.argument("what", metavar="[emulator]", default="emulator", type=click.Choice(["emulator"]))
@options.debug
def build_target(what: str) -> None:
    """Build the emulator: an arm64 Debian, the TFLite runtimes for Arm, and an instruction counter."""
    from edgeswap.progress import progress_for  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.targets.emulator.target import build  # noqa: PLC0415

    click.echo(f"{what} ready in {build(progress=progress_for(sys.stderr))}")
