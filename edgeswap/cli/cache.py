"""`edgeswap cache list`, `edgeswap cache prune` and `edgeswap cache path`."""

from __future__ import annotations

import json

import click

from edgeswap.cli import options
from edgeswap.cli.invocation import show


@click.group(short_help="See or shrink the run store of results of stages.")
@options.debug
def cache() -> None:
    """See or shrink the run store, so that nothing is done twice."""


@cache.command("list", cls=options.Command, short_help="List what the run store holds.")
@options.cache_dir
@options.as_json("the list")
@options.debug
@click.pass_context
def list_store(context: click.Context, /, as_json: bool, **_flags: object) -> None:
    """List what the run store holds: how much of each stage, and when it was last used."""
    from edgeswap.commands.cache import list_cache  # noqa: PLC0415  (here and below: keeps --help fast)
    from edgeswap.config.cache import cache_config  # noqa: PLC0415
    from edgeswap.report import stored  # noqa: PLC0415

    show(list_cache(cache_config(_settings(context))), as_json, stored.render)


@cache.command("prune", cls=options.Command, short_help="Drop what was used least recently.")
@options.cache_dir
@options.cache_size
@options.as_json("what was dropped")
@options.debug
@click.pass_context
def prune_store(context: click.Context, /, as_json: bool, **_flags: object) -> None:
    """Drop what was used least recently until the rest is no more than --cache-size; 0 drops all."""
    from edgeswap.commands.cache import prune_cache  # noqa: PLC0415
    from edgeswap.config.cache import cache_config  # noqa: PLC0415
    from edgeswap.report import stored  # noqa: PLC0415

    show(prune_cache(cache_config(_settings(context))), as_json, stored.render_pruned)


@cache.command("path", cls=options.Command, short_help="Print the folder of the run store.")
@options.cache_dir
@options.as_json("the folder")
@options.debug
@click.pass_context
def store_path(context: click.Context, /, as_json: bool, **_flags: object) -> None:
    """Print the folder of the run store, which need not be there yet."""
    from edgeswap.config.cache import cache_config  # noqa: PLC0415
    from edgeswap.store.place import store_folder  # noqa: PLC0415

    folder = str(store_folder(cache_config(_settings(context)).cache_dir))
    click.echo(json.dumps({"folder": folder}) if as_json else folder)


def _settings(context: click.Context) -> dict[str, object]:
    return {name: value for name, value in options.typed(context).items() if name != "as_json"}
