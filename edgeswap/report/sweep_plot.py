"""The candidates of a sweep as points: what they lose against how fast they are, or how much memory they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeswap.records import SweepCandidate, SweepReport
from edgeswap.report.svg import COLOURS, svg, tip
from edgeswap.report.swept import speed_kind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT_INCHES = 3.4
LONGEST_NAME = 28
COSTS = {  # by what `speed_kind` says, of a target
    "p50": "p50 on {}, ms",
    "instructions": "million instructions per inference on {} (not time)",
    "arena": "arena on {}, kB (not time)",
}


def sweep_plot(report: SweepReport) -> str | None:
    """An SVG; None where fewer than two candidates have a place, of a drop and of what they take."""
    placed = [(one, *place) for one in report.candidates if (place := _place(one)) is not None]
    if len(placed) < 2:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0.15, 0.16, 0.82, 0.78))
        middle = (min(cost for _, cost, _ in placed) + max(cost for _, cost, _ in placed)) / 2
        for one, cost, lost in placed:
            taken = one.name == report.pick
            colour = COLOURS["int8"] if one.on_front else COLOURS["float32"]
            (point,) = axes.plot([cost], [lost], "D" if taken else "o", color=colour, markersize=9 if taken else 6)
            point.set_gid(tip(f"{one.name}: {cost:.4g}, lost {lost:.4g}"))
            name = one.name if len(one.name) <= LONGEST_NAME else f"{one.name[: LONGEST_NAME - 3]}..."
            side, away = ("left", 7) if cost <= middle else ("right", -7)  # a name must not leave the drawing
            axes.annotate(
                name, (cost, lost), xytext=(away, 6), textcoords="offset points", ha=side, color=COLOURS["ink"]
            )
        axes.set_xlabel(COSTS[speed_kind(report)].format(report.target), color=COLOURS["muted"])
        axes.set_ylabel("lost against float32", color=COLOURS["muted"])
        axes.margins(0.18)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(COLOURS["line"])
        axes.tick_params(colors=COLOURS["muted"])
        axes.patch.set_visible(False)

    return svg(draw, HEIGHT_INCHES, "sweep", "What each candidate loses, against what it takes")


def _place(one: SweepCandidate) -> tuple[float, float] | None:
    if one.int8 is None or one.drop is None:
        return None
    if one.int8.latency_ms is not None:
        return one.int8.latency_ms.p50, one.drop
    if one.int8.instructions:
        return one.int8.instructions / 1e6, one.drop
    return None if one.int8.arena_bytes is None else (one.int8.arena_bytes / 1e3, one.drop)
