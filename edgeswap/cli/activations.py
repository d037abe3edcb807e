"""`edgeswap activations`."""

from __future__ import annotations

from pathlib import Path

import click

from edgeswap.cli import options
from edgeswap.cli.invocation import show
from edgeswap.cli.options import option


@options.command(short_help="List, describe or plot the activations to swap in.")
@click.argument("names", metavar="[NAME ...]", nargs=-1)
@option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Draw each NAME, or all without a NAME, with its gradient.",
)
@options.debug
def activations(names: tuple[str, ...], plot: Path | None) -> None:
    """List the activations for --activation and --swap, or describe each NAME in full.

    A NAME can have parameters: edgeswap activations swish 'clipped_elu(max_value=4)'
    """
    from edgeswap.activations.catalog import CATALOG, parse  # noqa: PLC0415  (keeps --help fast)

    chosen = [parse(name) for name in names]
    if plot is not None:
        from edgeswap.report.curves import plot as draw  # noqa: PLC0415

        draw(chosen or [parse(kind) for kind in CATALOG], plot)
        click.echo(f"drawn in {plot}", err=True)
        return
    from edgeswap.report import activations as terminal  # noqa: PLC0415

    show(chosen, False, terminal.render)
