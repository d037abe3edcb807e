"""What is in the run store, on a terminal."""

from __future__ import annotations

from collections import defaultdict

from rich.console import Console

from edgeswap.records import StoredEntry, StoreReport
from edgeswap.report import numbers
from edgeswap.report.terminal_tables import add_row, new_table, print_filled


def render(report: StoreReport, console: Console) -> None:
    """Print how much there is of each stage, and how old it is."""
    count = numbers.plural(len(report.entries), "result")
    print_filled(console, f"{count}, {numbers.size(report.size_bytes)}", style="bold")
    by_stage: dict[str, list[StoredEntry]] = defaultdict(list)
    for entry in report.entries:
        by_stage[entry.stage].append(entry)
    if by_stage:
        table = new_table("", "results", "size", "last used")
        for stage, found in sorted(by_stage.items()):
            size = numbers.size(sum(entry.size_bytes for entry in found))
            add_row(table, stage, str(len(found)), size, max(entry.used for entry in found)[:10])
        console.print()
        console.print(table)
    console.print()
    print_filled(console, report.folder, label="folder")


def render_pruned(report: StoreReport, console: Console) -> None:
    """Print what was dropped and what is left."""
    freed = sum(entry.size_bytes for entry in report.entries)
    count = numbers.plural(len(report.entries), "result")
    print_filled(
        console, f"Dropped {count}, {numbers.size(freed)}; {numbers.size(report.size_bytes)} are left.", style="bold"
    )
