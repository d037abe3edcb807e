"""What `edgeswap analyze` found, on a terminal: the worst layers as a table, then causes and remedies."""

from __future__ import annotations

from rich.console import Console

from edgeswap.records import AnalyzeReport
from edgeswap.report import analysis_wording as say
from edgeswap.report import numbers
from edgeswap.report.terminal_tables import add_row, new_table, print_filled
from edgeswap.report.wording import printable

MOST_LAYERS = 20


def render(report: AnalyzeReport, console: Console, *, folder: str | None = None) -> None:
    """Print the report.

    Args:
        report: of `edgeswap analyze`.
        console: where to print; its width is kept to.
        folder: where all of it was written, if anywhere.
    """
    report = printable(report)
    print_filled(console, say.summary(report), style="bold")
    labelled = report.metric is not None
    table = new_table("layer", "only it", *(["drop"] if labelled else []), "all but it", "own", "wasted", "channels")
    for layer in report.layers[:MOST_LAYERS]:
        lost = [say.drop(report, layer.only)] if labelled else []
        cells = [say.decibels(layer.only), *lost, say.decibels(layer.all_but), say.ratio(layer.own_snr_db)]
        add_row(table, layer.layer, *cells, say.wasted(layer), say.unequal(layer.channels))
    console.print()
    console.print(table)
    if len(report.layers) > MOST_LAYERS:
        rest = numbers.plural(len(report.layers) - MOST_LAYERS, "more layer")
        print_filled(console, f"{rest} cost less; --json and the page have them all.", style="dim")
    console.print()
    for layer in say.causes(report):
        assert layer.cause is not None
        print_filled(console, layer.cause.problem, label="cause")
        print_filled(console, layer.cause.remedy, label="remedy")
    if not say.causes(report):
        print_filled(console, say.no_cause(), label="cause")
    if report.left_to_calibration:
        names = ", ".join(report.left_to_calibration)
        print_filled(console, f"{names}: the converter sets their ranges.", label="left out", style="dim")
    if folder is not None:
        print_filled(console, f"{folder} (open analysis.html)", label="written")
