"""The figures of every report: the metric of each model, and the latency on each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from edgeswap.records import CandidatePrecision, ExportReport, Measurement, TargetResult
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers
from edgeswap.report import wording as say
from edgeswap.report.svg import COLOURS, svg, tip
from edgeswap.tasks.titles import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_INCHES = 0.34
LEFT, RIGHT = 0.19, 0.57  # shares of the width: names stand to the left of the axes, values to the right
NARROW = 0.42  # the right end beside values with more digits than percent have
NAMES, LONGEST_NAME = 0.38, 20  # left end beside names of layers, and the letters that fit there
LONGEST_TITLE = 50
MOST_LAYERS = 20
LONG_NUMBERS_BELOW, LONGER_NUMBERS_BELOW = 0.2, 0.01  # an axis that ends there has ticks as 0.025, or as 0.0025

Interval = tuple[float, float]


def quality_plot(report: ExportReport) -> str:
    """The metric of every stage as a point with its 95 % interval; shares in percent.

    The axis shows float32 and int8 in detail; a stage far from them, such as after a swap, is an arrow at the edge.

    Raises:
        ValueError: the test samples have no labels, so that there is nothing to draw.
    """
    known = [(stage.name, stage.quality) for stage in say.stages(report)]
    rows = [
        (name, quality.value, quality.ci95 or (quality.value, quality.value))
        for name, quality in known
        if quality is not None and quality.value is not None
    ]
    if not rows:
        raise ValueError("Expected a report with a metric, got one on samples without labels.")
    share = report.comparison.unit == "share"
    factor = 100.0 if share else 1.0
    rows = [(name, factor * value, (factor * ends[0], factor * ends[1])) for name, value, ends in rows]
    low, high = _window(
        [end for name, _, interval in rows if name in ("float32", report.precision) for end in interval], share=share
    )

    def draw(figure: Figure) -> None:
        axes = _axes(figure, top_inches=0.08, rows=len(rows), right=RIGHT if share else NARROW)
        axes.set_xlim(low, high)
        for row, (name, value, interval) in enumerate(rows):
            colour = COLOURS["int8" if name == report.precision else "float32"]
            text = f"{value:.1f} % ({interval[0]:.1f} to {interval[1]:.1f})"
            if not share:
                text = f"{metrics.value(value, 'none')} ({metrics.interval(interval, 'none')})"
            if low <= value <= high:
                axes.plot(interval, [row, row], color=colour, linewidth=2.5, solid_capstyle="butt")
                (point,) = axes.plot([value], [row], "o", color=colour, markersize=7)
                point.set_gid(tip(f"{name}: {text}"))
            else:
                edge, arrow = (low, "<") if value < low else (high, ">")
                axes.plot([edge], [row], arrow, color=colour, markersize=8, clip_on=False)
            _label(axes, row, name, text)
        unit = {"share": ", %", "dB": ", dB"}.get(report.comparison.unit, "")
        axes.set_xlabel(f"{called}{unit}", color=COLOURS["muted"])

    called = title(report.comparison.metric)
    return svg(draw, 0.08 + len(rows) * ROW_INCHES + 0.5, "quality", f"{called} with 95 % intervals")


def _window(ends: Sequence[float], *, share: bool) -> Interval:
    """What shows all `ends` with as much again around them; of shares within 0 to 100 %."""
    around = max(0.5 * (max(ends) - min(ends)), 0.5 if share else 0.05 * max(abs(end) for end in ends))
    low, high = min(ends) - around, max(ends) + around
    return (max(low, -1.0), min(high, 101.0)) if share else (low, high or 1.0)


def latency_plot(report: ExportReport) -> str:
    """Latency of both models on each target: a bar to p50, a line on to p99 with a tick at p90, in ms.

    Each target has an axis of its own, from 0. An emulator has bars of instructions an inference in its place. A p99
    far out runs off the axis, so that one slow run does not hide the rest.

    Raises:
        ValueError: no target has a latency or an instruction count.
    """
    printable = say.printable(report)
    targets = [target for target in printable.targets if _is_drawn(target)]
    if not targets:
        raise ValueError("Expected a report with a latency or an instruction count, got none on any target.")
    block_inches = 0.3 + 2 * ROW_INCHES + 0.5

    def draw(figure: Figure) -> None:
        for index, target in enumerate(targets):
            axes = _axes(figure, top_inches=index * block_inches + 0.3, rows=2)
            label = say.label(printable, target)
            name = label if len(label) <= LONGEST_TITLE else label[: LONGEST_TITLE - 3] + "..."
            title = axes.text(0, 1, f"on {name}", transform=axes.transAxes, weight="bold", color=COLOURS["ink"])
            title.set_position((-LEFT / (RIGHT - LEFT), 1.12))
            for row, (label, measurement) in enumerate((("float32", target.float32), (report.precision, target.int8))):
                _draw_measurement(axes, row, label, measurement)
            axes.set_xlim(0, _axis_end(target))
            for end, most in ((LONG_NUMBERS_BELOW, 3), (LONGER_NUMBERS_BELOW, 2)):
                if _axis_end(target) < end:
                    axes.locator_params(axis="x", nbins=most)

    return svg(
        draw, len(targets) * block_inches, "latency", f"Latency of float32 and {report.precision} on each target"
    )


def decibel_plot(bars: Sequence[tuple[str, float]], description: str) -> str:
    """A bar for each layer, the first on top: its signal-to-noise ratio in dB.

    Args:
        bars: name and ratio, at least one.
        description: for those who do not see it.
    """

    def draw(figure: Figure) -> None:
        axes = _axes(figure, top_inches=0.08, rows=len(bars), left=NAMES)
        for row, (name, snr_db) in enumerate(bars):
            (bar,) = axes.barh([row], [snr_db], height=0.6, color=COLOURS["int8"])
            bar.set_gid(tip(f"{name}: {snr_db:.1f} dB"))
            shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
            _label(axes, row, shown, f"{snr_db:.1f} dB", gap=0.03)
        axes.set_xlabel("dB", color=COLOURS["muted"])

    return svg(draw, 0.08 + len(bars) * ROW_INCHES + 0.5, "decibels", description)


def layers_plot(report: ExportReport) -> str | None:
    """The layers in which int8 and fake-quant differ most; None where fewer than two differ."""
    ratios = {} if report.parity is None else report.parity.layer_snr_db
    bars = [(name, ratio) for name, ratio in ratios.items() if ratio is not None][:MOST_LAYERS]
    if len(bars) < 2:
        return None
    return decibel_plot(bars, f"Signal-to-noise ratio of {report.precision} against fake-quant, layer by layer")


def has_speed(report: ExportReport) -> bool:
    """Whether `latency_plot` has anything to draw."""
    return any(_is_drawn(target) for target in report.targets)


def _is_drawn(target: TargetResult) -> bool:
    return any(model.latency_ms is not None or model.instructions for model in (target.float32, target.int8))


def _draw_measurement(axes: Axes, row: int, label: str, measurement: Measurement) -> None:
    colour, latency_ms = COLOURS["float32" if label == "float32" else "int8"], measurement.latency_ms
    if latency_ms is not None:
        (bar,) = axes.barh([row], [latency_ms.p50], height=0.6, color=colour)
        ends = (numbers.three_digits(end) for end in (latency_ms.p50, latency_ms.p90, latency_ms.p99))
        bar.set_gid(tip("{}: p50 {} ms, p90 {} ms, p99 {} ms".format(label, *ends)))
        axes.plot([latency_ms.p50, latency_ms.p99], [row, row], color=COLOURS["ink"], linewidth=1.2)
        axes.plot([latency_ms.p90], [row], "|", color=COLOURS["ink"], markersize=9, markeredgewidth=1.5)
        _label(axes, row, label, f"{numbers.three_digits(latency_ms.p50)} ms")
        axes.set_xlabel("ms", color=COLOURS["muted"])
    elif measurement.instructions:
        axes.barh([row], [measurement.instructions / 1e6], height=0.6, color=colour)
        _label(axes, row, label, f"{numbers.instructions(measurement.instructions)} instructions")
        axes.set_xlabel("million instructions per inference (not time)", color=COLOURS["muted"])


def _axis_end(target: TargetResult) -> float:
    ends = []
    for model in (target.float32, target.int8):
        if model.latency_ms is not None:
            ends += [model.latency_ms.p90, min(model.latency_ms.p99, 2 * model.latency_ms.p50)]
        elif model.instructions:
            ends += [model.instructions / 1e6]
    return 1.05 * max(ends)


def _axes(figure: Figure, *, top_inches: float, rows: int, left: float = LEFT, right: float = RIGHT) -> Axes:
    """Axes of `rows` rows, row 0 on top, below `top_inches` of the figure, from `left` to `right` of its width."""
    figure_inches = figure.get_figheight()
    bottom = 1 - (top_inches + rows * ROW_INCHES) / figure_inches
    axes = figure.add_axes((left, bottom, right - left, rows * ROW_INCHES / figure_inches))
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(COLOURS["line"])
    axes.tick_params(axis="x", colors=COLOURS["muted"])
    axes.locator_params(axis="x", nbins=5 if right == RIGHT else 2)  # its numbers are long
    axes.grid(axis="x", color=COLOURS["line"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    return axes


def _label(axes: Axes, row: int, name: str, value: str, gap: float = 0.07) -> None:
    weight = "bold" if name in get_args(CandidatePrecision) else "normal"
    place: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "va": "center",
        "color": COLOURS["ink"],
        "weight": weight,
    }
    axes.text(-gap, row, name, ha="right", **place)
    axes.text(1.04, row, value.replace(numbers.NBSP, " "), ha="left", **place)
