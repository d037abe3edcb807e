"""The weights and values of the worst layers as histograms on their int8 grid, with what is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgeswap.records import GridShares, LayerOnGrid
from edgeswap.report import grid_wording as say
from edgeswap.report.plots import LONGEST_TITLE
from edgeswap.report.svg import COLOURS, svg, tip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

LAYER_INCHES, HEADING_INCHES, BARS_INCHES = 1.25, 0.42, 0.52
COLUMNS = ((0.03, 0.44), (0.53, 0.44))  # left end and width of weights and values
FIRST, LAST = -128, 127
BEYOND = 14  # int8 steps from the end of the range to the bar of what is cut
GAP = 0.85  # share of a part that its bar fills


def grid_plot(layers: Sequence[LayerOnGrid]) -> str | None:
    """Two histograms for each layer, the worst on top; None without any.

    The height of a bar is the square root of its share, as most values of a ReLU are zero and the rest would be flat.
    """
    if not layers:
        return None
    inches = len(layers) * LAYER_INCHES

    def draw(figure: Figure) -> None:
        for row, layer in enumerate(layers):
            top = 1 - (row * LAYER_INCHES + HEADING_INCHES) / inches
            place: dict[str, Any] = {"ha": "left", "va": "bottom", "color": COLOURS["ink"]}
            name = layer.layer if len(layer.layer) <= LONGEST_TITLE else layer.layer[: LONGEST_TITLE - 3] + "..."
            ratio = "" if layer.snr_db is None else f"   {layer.snr_db:.1f} dB"
            figure.text(COLUMNS[0][0], top + 0.2 / inches, f"{name}{ratio}", weight="bold", **place)
            for (left, width), title, grid in zip(
                COLUMNS, ("weights", "values"), (layer.weights, layer.values), strict=True
            ):
                axes = figure.add_axes((left, top - BARS_INCHES / inches, width, BARS_INCHES / inches))
                _histogram(axes, f"{layer.layer}, {title}", title, grid)

    return svg(draw, inches, "grid", "Weights and values of the worst layers on the int8 grid; the table has numbers")


def _histogram(axes: Axes, name: str, title: str, grid: GridShares | None) -> None:
    axes.patch.set_visible(False)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(COLOURS["line"])
    axes.set_xlim(FIRST - 2 * BEYOND, LAST + 2 * BEYOND)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=3, colors=COLOURS["muted"], labelsize=8)
    if grid is None:
        axes.set_xticks([])
        axes.text(0.5, 0.4, f"no {title} of its own", transform=axes.transAxes, ha="center", color=COLOURS["muted"])
        return
    width = (LAST + 1 - FIRST) / len(grid.shares)
    lefts = FIRST + width * np.arange(len(grid.shares))
    heights = np.sqrt(grid.shares)
    fullest = int(np.argmax(heights))
    first, share = lefts[fullest], grid.shares[fullest]
    bars = _bars(lefts, heights, GAP * width)
    bars.set_gid(tip(f"{name}: at most {100 * share:.2g} %, on int8 {first:.0f} to {first + width - 1:.0f}"))
    axes.add_collection(bars, autolim=False)
    for beyond, share, side in ((FIRST - BEYOND, grid.below, "below"), (LAST + BEYOND, grid.above, "above")):
        if share:
            (bar,) = axes.bar([beyond], [np.sqrt(share)], width, color=COLOURS["ink"])
            bar.set_gid(tip(f"{name}: {100 * share:.2g} % lie {side} the range and are cut"))
    highest = float(max(*heights, np.sqrt(grid.below), np.sqrt(grid.above)))
    axes.set_ylim(0, 1.05 * highest)
    axes.vlines([FIRST - 1, LAST + 1], 0, 1.05 * highest, color=COLOURS["muted"], linewidth=0.8, linestyle="dotted")
    axes.set_xticks(*_ticks(grid))
    words = title if grid.below + grid.above == 0 else f"{title}, {say.cut(grid)} cut".replace("\u00a0", " ")
    place: dict[str, Any] = {"ha": "left", "va": "bottom", "color": COLOURS["muted"], "fontsize": 8.5}
    axes.text(0, 1.02, words, transform=axes.transAxes, **place)


def _bars(lefts: npt.NDArray[Any], heights: npt.NDArray[Any], width: float) -> PolyCollection:
    """All bars as one artist: matplotlib takes 2 ms for each that is one of its own, and there are hundreds."""
    from matplotlib.collections import PolyCollection  # noqa: PLC0415

    corners = [
        [(x, 0), (x, height), (x + width, height), (x + width, 0)] for x, height in zip(lefts, heights, strict=True)
    ]
    return PolyCollection(corners, facecolors=COLOURS["int8"], edgecolors="none")


def _ticks(grid: GridShares) -> tuple[list[float], list[str]]:
    """Both ends of the range, and zero where it has room between them."""
    if grid.low is None or grid.high is None:
        return [-127.0, 0.0, 127.0], ["-127", "0", "127"]
    zero = FIRST - 255 * grid.low / (grid.high - grid.low)
    places, words = [float(FIRST), float(LAST)], [f"{grid.low:.3g}", f"{grid.high:.3g}"]
    if FIRST + 60 < zero < LAST - 60:
        return [places[0], zero, places[1]], [words[0], "0", words[1]]
    return places, words
