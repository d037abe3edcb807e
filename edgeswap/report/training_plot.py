"""The loss of each training, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeswap.records import ExportReport
from edgeswap.report import numbers
from edgeswap.report.svg import COLOURS, svg
from edgeswap.report.training_wording import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT_INCHES = 2.7
STYLES = {
    "float32_recovered": ("float32", "dashed"),
    "float32_finetuned": ("float32", "solid"),
    "int8": ("int8", "solid"),
}


def training_plot(report: ExportReport) -> str | None:
    """Loss over epochs: recovery dashed, the control grey, QAT blue; None where nothing was trained.

    A loss that is no number is left out.
    """
    known = [(run, [loss for loss in run.losses if loss is not None]) for run in report.training]
    if not any(losses for _, losses in known):
        return None

    def draw(figure: Figure) -> None:
        from matplotlib.ticker import LogLocator  # noqa: PLC0415  (a third of a second, which only reports need)

        axes = figure.add_axes((0.16, 0.2, 0.6, 0.74))
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
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "top", "weight": "bold"}
        for row, (run, _) in enumerate(known):
            colour, style = STYLES[run.model]
            points = [(epoch, loss) for epoch, loss in enumerate(run.losses) if loss is not None]
            axes.plot(*zip(*points, strict=True), ".", color=COLOURS[colour], linestyle=style, linewidth=1.8)
            kept = [(epoch, loss) for epoch, loss in points if epoch == run.best_epoch]
            axes.plot(*zip(*kept, strict=True), "o", color=COLOURS[colour], markersize=7)
            axes.text(
                1.03,
                1 - 0.12 * row,
                f"{'- - ' if style == 'dashed' else ''}{NAMES[run.model]}",
                color=COLOURS[colour],
                **place,
            )

    names = ", ".join(NAMES[run.model] for run, _ in known)
    return svg(
        draw, HEIGHT_INCHES, "training", f"Loss of {names} by epoch; the sentence above names the epoch that was kept"
    )
