"""An analysis as one HTML page that needs nothing beside it, with its plot inside."""

from __future__ import annotations

from markupsafe import Markup

from edgeswap.records import AnalyzeReport
from edgeswap.report import analysis_wording, grid_wording, numbers
from edgeswap.report.grid_plot import grid_plot
from edgeswap.report.html import template
from edgeswap.report.plots import decibel_plot
from edgeswap.report.wording import printable

MOST_BARS = 60  # the rest costs least, and stands in the table


def render(report: AnalyzeReport) -> str:
    """The page for `report`; what stands in its records comes out as text, never as markup."""
    return template("analysis.html.jinja").render(part=render_part(report), report=printable(report), numbers=numbers)


def render_part(report: AnalyzeReport) -> Markup:
    """The plot, the causes and the table, for this page and as part of another."""
    report = printable(report)
    bars = [(layer.layer, layer.only.snr_db) for layer in report.layers if layer.only.snr_db is not None]
    part = template("analysis_part.html.jinja").render(
        report=report,
        say=analysis_wording,
        numbers=numbers,
        grid=grid_wording,
        grid_plot=Markup(grid_plot(report.on_grid)) if report.on_grid else None,
        plot=Markup(decibel_plot(bars[:MOST_BARS], "Signal-to-noise ratio with one layer in int8")) if bars else None,
    )
    return Markup(part)
