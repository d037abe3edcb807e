"""What a swap did, on a terminal: a table of the swapped layers, and below it the kept ones with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from edgeswap.evaluation.swap_effects import SwapResult  # which imports TensorFlow

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
    table.add_column("from", overflow="fold")
    table.add_column("to", overflow="fold")
    ranges = result.effects.ranges if result.effects else {}
    if result.effects:
        table.add_column("range before", justify="right")
        table.add_column("range after", justify="right")
    for entry in result.swapped:
        seen = (f"{low:.2f} to {high:.2f}" for low, high in ranges.get(entry.layer, ()))
        table.add_row(*map(_printable, (entry.layer, entry.from_, entry.to, *seen)))
    for kept in result.skipped:
        table.add_row(*map(_printable, (kept.layer, kept.activation, f"kept: {kept.reason}")), style="dim")
    console.print(table, width=min(console.width, WIDEST))
    console.print()
    total = len(result.swapped) + len(result.skipped)
    console.print(Text(f"{len(result.swapped)} of {total} activations swapped, {len(result.skipped)} kept."))
    if result.effects:
        moved = result.effects
        text = f"Outputs change by {moved.output_move_mean:.3g} on average and by {moved.output_move_max:.3g} at most."
        if moved.top1_agreement is not None:
            text += f" The highest output stays the same on {moved.top1_agreement:.1%} of samples."
        console.print(Text(text), soft_wrap=True)
    for new, old in result.renamed.items():
        told = f"Layer {old} of a nested model is now called {new}, because another layer has that name."
        console.print(_printable(told), soft_wrap=True)
    after = "Its accuracy is lower until you fine-tune it." if result.swapped else "It computes the same as before."
    console.print(_printable(f"The model is in {file}. {after}"), soft_wrap=True)


def _printable(text: str) -> Text:
    """Layer names are other people's text: a control character is written out."""
    return Text("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text))
