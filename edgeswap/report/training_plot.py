"""The loss of each training, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from edgeswap.records import ExportReport
from edgeswap.report import numbers
from edgeswap.report.svg import COLOURS, svg
from edgeswap.report.training_wording import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT_INCHES = 2.7


class Style(NamedTuple):
    """How the curve of one training is drawn."""

    colour: str
    line: str
    width: float
    opacity: float
    marker: str
    size: float


# Curves that lie on each other are told apart without colour, too: the one that is drawn first is a wide pale band
# with large open squares, and the thin dashes with small discs of the other lie within. Drawn in this order.
STYLES = {
    "float32_recovered": Style("muted", "dotted", 1.8, 1.0, "^", 5),
    "float32_finetuned": Style("float32", "solid", 6.0, 0.45, "s", 9),
    "int8": Style("int8", "dashed", 1.8, 1.0, "o", 4),
}


def training_plot(report: ExportReport) -> str | None:
    """Loss over epochs: recovery dotted, the control a grey band, QAT dashed and blue; None without training.

    Each has markers of its own shape, larger at the epoch that was kept. A loss that is no number is left
    out.
    """
    known = [(run, [loss for loss in run.losses if loss is not None]) for run in report.training]
    if not any(losses for _, losses in known):
        return None

    def draw(figure: Figure) -> None:
        from matplotlib.ticker import LogLocator  # noqa: PLC0415  (a third of a second, which only reports need)

        axes = figure.add_axes((0.16, 0.2, 0.5, 0.74))
        axes.set_xlabel("epoch", color=COLOURS["muted"])
        axes.set_ylabel("loss", color=COLOURS["muted"])
        axes.spines[["right", "top"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(COLOURS["line"])
        axes.tick_params(colors=COLOURS["muted"])
        axes.grid(color=COLOURS["line"], linewidth=0.6)
        axes.set_axisbelow(True)
        axes.patch.set_visible(False)
        axes.locator_params(axis="x", integer=True, nbins=6)
        every = [loss for _, losses in known for loss in losses]
        if min(every) > 0 and max(every) > 20 * min(every):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(lambda loss, _: numbers.three_digits(loss))  # else powers, as TeX
            axes.minorticks_off()
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "center", "weight": "bold"}
        for row, (run, _) in enumerate(sorted(known, key=lambda one: list(STYLES).index(one[0].model))):
            style = STYLES[run.model]
            colour = COLOURS[style.colour]
            line: dict[str, Any] = {
                "color": colour,
                "linestyle": style.line,
                "linewidth": style.width,
                "alpha": style.opacity,
            }
            mark: dict[str, Any] = {"marker": style.marker, "linestyle": "none", "color": colour}
            if style.size > 5:
                mark["markerfacecolor"] = "none"
            points = [(epoch, loss) for epoch, loss in enumerate(run.losses) if loss is not None]
            axes.plot(*zip(*points, strict=True), **line)
            axes.plot(*zip(*points, strict=True), markersize=style.size, **mark)
            kept = [(epoch, loss) for epoch, loss in points if epoch == run.best_epoch]
            axes.plot(*zip(*kept, strict=True), markersize=1.6 * style.size, **mark)
            height = 0.94 - 0.13 * row
            outside: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
            axes.plot([1.04, 1.22], [height] * 2, **line, **outside)
            axes.plot([1.13], [height], markersize=style.size, **mark, **outside)
            axes.text(1.26, height, NAMES[run.model], color=colour, **place)

    names = ", ".join(NAMES[run.model] for run, _ in known)
    return svg(
        draw, HEIGHT_INCHES, "training", f"Loss of {names} by epoch; the sentence above names the epoch that was kept"
    )
