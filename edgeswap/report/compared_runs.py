"""Exports side by side on a terminal: a table for each metric and test set, and what keeps figures apart."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from edgeswap.records import RunsReport
from edgeswap.report import runs_wording as words
from edgeswap.report.terminal_tables import add_row, header, new_table, print_filled
from edgeswap.report.wording import printable

LONGEST_HEADER = 10  # seven columns and the names of runs stand in 80 letters


def render(report: RunsReport, console: Console, *, file: str | None = None) -> None:
    """Print the report.

    Args:
        report: of two runs or more.
        console: where to print; its width is kept to.
        file: the page that was written, if one was.
    """
    report = printable(report)
    print_filled(console, words.verdict(report), style="bold")
    for caution in report.differences:
        print_filled(console, f"{caution.problem} {caution.remedy}", label="warning", style="yellow")
    for group in words.groups(report):
        console.print()
        if len(report.groups) > 1:
            print_filled(console, group.about)
        console.print(_table(group.headers, group.rows))
        if group.speeds is not None:
            console.print()
            console.print(_table(*group.speeds))
    console.print()
    for run in report.runs:
        if missed := words.missed(run.report):
            print_filled(console, f"{run.name} missed {', '.join(missed)}", label="limit", style="red")
    print_filled(console, words.LATER, label="latency", style="dim")
    if file is not None:
        print_filled(console, file, label="written")


def _table(headers: Sequence[str], rows: Sequence[words.Row]) -> Table:
    table = new_table("run", *(header(text, LONGEST_HEADER) for text in headers))
    for row in rows:
        add_row(table, row.name, *row.cells, style="" if row.run is None else "bold")
    return table
