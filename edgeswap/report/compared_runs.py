"""Exports side by side on a terminal: a table for each metric and test set, and what keeps figures apart."""

from __future__ import annotations

from rich.console import Console

from edgeswap.records import RunsReport
from edgeswap.report import runs_wording as words
from edgeswap.report.terminal_tables import add_row, header, new_table, print_filled
from edgeswap.report.wording import printable


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
        for headers, rows in ((group.headers, group.rows), *([group.speeds] if group.speeds else [])):
            table = new_table("run", *map(header, headers))
            for row in rows:
                add_row(table, row.name, *row.cells, style="" if row.run is None else "bold")
            console.print(table)
    console.print()
    print_filled(console, words.LATER, label="latency", style="dim")
    if file is not None:
        print_filled(console, file, label="written")
