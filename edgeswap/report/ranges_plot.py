"""The int8 range of each activation with the bounds of its function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgeswap.records import ActivationRange, ExportReport
from edgeswap.report.plots import LONGEST_NAME, NAMES, ROW_INCHES
from edgeswap.report.svg import COLOURS, svg, tip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 40  # more fill several screens, and stand in the table
EVERY = 32  # int8 values from one gap to the next
RIGHT = 0.97
GAP = 0.88  # share of a bar's piece that is drawn


def ranges_plot(report: ExportReport) -> str | None:
    """A bar for each activation, the first of the model on top; None where no range is known.

    Of more than `MOST_ROWS` those with the largest step, which lose most.
    """
    if report.ranges is None or not report.ranges.activations:
        return None
    shown = _coarsest(report.ranges.activations)
    trained = report.method == "qat"
    height = 0.08 + len(shown) * ROW_INCHES + 0.5

    def draw(figure: Figure) -> None:
        top, bottom = 1 - 0.08 / height, 0.5 / height
        axes = figure.add_axes((NAMES, bottom, RIGHT - NAMES, top - bottom))
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_yticks(range(len(shown)), [_short(one.layer) for one in shown])
        axes.tick_params(axis="y", length=0, colors=COLOURS["ink"])
        axes.tick_params(axis="x", colors=COLOURS["muted"])
        axes.spines[["left", "right", "top"]].set_visible(False)
        axes.spines[["bottom"]].set_color(COLOURS["line"])
        axes.patch.set_visible(False)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("value of the activation", color=COLOURS["muted"])
        axes.axvline(0, color=COLOURS["line"], linewidth=1, zorder=0)
        if trained:
            rows, ends = [row + 0.27 for row in range(len(shown))], zip(*(one.before for one in shown), strict=True)
            axes.hlines(rows, *ends, color=COLOURS["float32"], linewidth=2.5)
        bounds = [(bound, row) for row, one in enumerate(shown) for bound in one.bounds if bound is not None]
        if bounds:
            axes.plot(*zip(*bounds, strict=True), "|", color=COLOURS["ink"], markersize=13, markeredgewidth=1.6)
        for row, one in enumerate(shown):
            cuts = np.linspace(*one.after, 256 // EVERY + 1)
            width = cuts[1] - cuts[0]
            top = row - 0.3 if trained else row - 0.2
            bars = axes.broken_barh([(low, GAP * width) for low in cuts[:-1]], (top, 0.4), color=COLOURS["int8"])
            bars.set_gid(tip(f"{one.layer}, {one.activation}: {one.after[0]:.4g} to {one.after[1]:.4g}"))

    count = (
        f"the {len(shown)} activations with the largest int8 step"
        if len(shown) < len(report.ranges.activations)
        else "each activation"
    )
    return svg(draw, height, "ranges", f"int8 range of {count}; the table below has the numbers")


def _coarsest(ranges: Sequence[ActivationRange]) -> list[ActivationRange]:
    """In the order of the model."""
    if len(ranges) <= MOST_ROWS:
        return list(ranges)
    widths = sorted((one.after[1] - one.after[0] for one in ranges), reverse=True)
    return [one for one in ranges if one.after[1] - one.after[0] >= widths[MOST_ROWS - 1]][:MOST_ROWS]


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"...{name[3 - LONGEST_NAME :]}"
