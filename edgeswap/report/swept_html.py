"""A sweep as one HTML page that needs nothing beside it."""

from __future__ import annotations

import shlex

from markupsafe import Markup

from edgeswap.records import SweepReport
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers, speed_words, swept
from edgeswap.report.html import template
from edgeswap.report.sweep_plot import sweep_plot
from edgeswap.report.wording import printable


def render(report: SweepReport) -> str:
    """The page for `report`; what stands in its records comes out as text, never as markup."""
    report = printable(report)
    plot = sweep_plot(report)
    return template("sweep.html.jinja").render(
        report=report,
        say=swept,
        speed_words=speed_words,
        metrics=metrics,
        numbers=numbers,
        plot=None if plot is None else Markup(plot),
        command=shlex.join(report.command),
    )
