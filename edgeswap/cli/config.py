"""`edgeswap config show` and `edgeswap config schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeswap.cli import options


@click.group()
@options.debug
def config() -> None:
    """See the settings of exports in the current folder."""


@config.command("show", cls=options.Command, short_help="Print the settings in force and where they come from.")
@options.as_json("the settings")
@options.debug
def show_settings(as_json: bool) -> None:
    """Print the settings that `edgeswap export` has in this folder, each with the file that it comes from.

    They come from edgeswap.toml, from [tool.edgeswap.export] of pyproject.toml, or are defaults.
    """
    from edgeswap.config.in_force import in_force  # noqa: PLC0415  (keeps --help fast)

    settings = in_force(Path())
    if as_json:
        told = {name: {"value": one.value, "from": one.file} for name, one in settings.items()}
        click.echo(json.dumps(told, indent=2, default=str))
        return
    width = max(map(len, settings))
    for name, one in settings.items():
        value = "-" if one.value is None or one.value == () else json.dumps(one.value, default=str)
        click.echo(f"{name.replace('_', '-'):<{width}}  {value:<24}  {one.file}".rstrip())


@config.command("schema", cls=options.Command, short_help="Print the JSON schema of edgeswap.toml.")
@options.debug
def print_schema() -> None:
    """Print the JSON schema of edgeswap.toml, by which an editor completes and checks it."""
    from edgeswap.config.in_force import settings_schema  # noqa: PLC0415  (keeps --help fast)

    click.echo(json.dumps(settings_schema(), indent=2))
