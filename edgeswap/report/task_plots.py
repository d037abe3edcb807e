"""The figures of some tasks: a ROC curve, how errors are spread, and predictions against labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeswap.records import ExportReport
from edgeswap.report.svg import COLOURS, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT_INCHES = 2.9
PLACE = (0.16, 0.19, 0.8, 0.77)  # of the axes: left, bottom, width and height as shares of the figure


def roc_plot(report: ExportReport) -> str | None:
    """The ROC curves of both models; None without them."""
    roc = report.comparison.roc
    if roc is None:
        return None

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "false positive rate", "true positive rate")
        axes.plot([0, 1], [0, 1], color=COLOURS["line"], linewidth=1, linestyle="dashed")
        for colour, curve, style in (("float32", roc.float32, "solid"), ("int8", roc.int8, "dashed")):
            axes.plot(*zip(*curve, strict=True), color=COLOURS[colour], linewidth=2, linestyle=style)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        _key(axes, report.precision, "right", 0.16)

    return svg(draw, HEIGHT_INCHES, "roc", f"ROC curves of float32 and {report.precision}")


def errors_plot(report: ExportReport) -> str | None:
    """A histogram of the errors of both models; None without them."""
    errors = report.comparison.errors
    if errors is None:
        return None
    name = "prediction minus label" if errors.of == "value" else "mean absolute error of a sample"

    def draw(figure: Figure) -> None:
        axes = _axes(figure, name, "values" if errors.of == "value" else "samples")
        axes.stairs(errors.float32, errors.edges, fill=True, color=COLOURS["float32"], alpha=0.45)
        axes.stairs(errors.int8, errors.edges, color=COLOURS["int8"], linewidth=1.8)
        axes.set_ylim(0, 1.3 * max(*errors.float32, *errors.int8, 1))  # room for the names above the bars
        _key(axes, report.precision, "right", 0.94)

    return svg(draw, HEIGHT_INCHES, "errors", f"Errors of float32 and {report.precision}")


def predictions_plot(report: ExportReport) -> str | None:
    """Predictions of both models over the labels; None without them."""
    errors = report.comparison.errors
    if errors is None or not errors.points:
        return None

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "label", "prediction")
        labels, first, second = zip(*errors.points, strict=True)
        ends = [min(labels), max(labels)]
        axes.plot(ends, ends, color=COLOURS["muted"], linewidth=1, linestyle="dashed")
        axes.plot(labels, first, "o", color=COLOURS["float32"], markersize=5, markerfacecolor="none")
        axes.plot(labels, second, ".", color=COLOURS["int8"], markersize=4)
        _key(axes, report.precision, "left", 0.94)

    return svg(draw, HEIGHT_INCHES, "predictions", f"Predictions of float32 and {report.precision} over the labels")


def _axes(figure: Figure, x: str, y: str) -> Axes:
    axes = figure.add_axes(PLACE)
    axes.set_xlabel(x, color=COLOURS["muted"])
    axes.set_ylabel(y, color=COLOURS["muted"])
    axes.spines[["right", "top"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(COLOURS["line"])
    axes.tick_params(colors=COLOURS["muted"])
    axes.locator_params(nbins=5)
    axes.grid(color=COLOURS["line"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    return axes


def _key(axes: Axes, candidate: str, side: str, top: float) -> None:
    """The names of both models in their colours."""
    place: dict[str, Any] = {"transform": axes.transAxes, "ha": side, "va": "top", "weight": "bold"}
    x = 0.98 if side == "right" else 0.03
    axes.text(x, top, "float32", color=COLOURS["float32"], **place)
    axes.text(x, top - 0.08, candidate, color=COLOURS["int8"], **place)
