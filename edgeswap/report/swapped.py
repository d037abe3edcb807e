"""What a swap did, on a terminal: one table of layers, the kept ones below with the reason."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgeswap.swap_model import SwapResult

WIDEST = 100


def render(result: SwapResult, console: Console, *, file: str) -> None:
    """Print which activations were swapped and which were not.

    Args:
        result: of the swap.
        console: where to print; its width is kept to.
        file: where the swapped model was written.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("layer", overflow="fold")
    table.add_column("was", overflow="fold")
    table.add_column("is now", overflow="fold")
    for entry in result.swapped:
        table.add_row(*map(_printable, (entry.layer, entry.from_, entry.to)))
    for kept in result.skipped:
        table.add_row(*map(_printable, (kept.layer, kept.activation, f"kept: {kept.reason}")), style="dim")
    console.print(table, width=min(console.width, WIDEST))
    console.print()
    total = len(result.swapped) + len(result.skipped)
    console.print(Text(f"{len(result.swapped)} of {total} activations swapped, {len(result.skipped)} kept."))
    for new, old in result.renamed.items():
        console.print(_printable(f"Layer {old} of a nested model is now {new}: another has its name."), soft_wrap=True)
    console.print(_printable(f"Written to {file}. Its accuracy has fallen until it is fine-tuned."), soft_wrap=True)


def _printable(text: str) -> Text:
    """Layer names are other people's text: a control character is written out."""
    return Text("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text))
