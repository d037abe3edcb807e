"""Each function with its gradient, side by side on the same axes, for people who learn them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeswap.activations.catalog import CATALOG, Activation
from edgeswap.activations.functions import Array
from edgeswap.errors import ConfigError
from edgeswap.system.output import staged_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE = "#1c2126", "#5f6872", "#c3c9cf"
VALUE, SLOPE, OTHERS = "#0b6bcb", "#c4420f", "#b4bcc4"
SETTINGS: Any = {"text.parse_math": False, "font.size": 9.5}
# Of both axes. Everything smooth is flat or straight at the ends of the near window; a ceiling such as ReLU6's may
# need the far one. The y axis is shorter where no function needs it.
NEAR, FAR = (-5.0, 5.0), (-6.0, 7.0)
LOWEST = -2.5
POINTS = 5201
JUMP = 0.02  # between two points: no slope of the catalog is so steep without a kink
FEW = 5  # so many can stand behind each other and still be told apart
COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3}  # by the number of panels; more have MOST_COLUMNS
MOST_COLUMNS = 4
PANEL_INCHES, ONLY_PANEL_INCHES = (3.4, 3.1), (5.4, 4.4)
LETTER_INCHES = 0.075


def plot(activations: Sequence[Activation], path: Path) -> None:
    """Write the figure of `activations` to a .png, in the place of an earlier one.

    Raises:
        ConfigError: there is nothing to draw, or `path` does not end in .png.
        OutputError: the file cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise ConfigError(f"Expected a file that ends in .png, got {str(path)!r}.", "Name it as in activations.png.")
    import matplotlib as mpl  # noqa: PLC0415  (a third of a second)

    with mpl.rc_context(SETTINGS), staged_file(path, overwrite=True) as staging:
        draw(activations).savefig(staging, dpi=150)


def draw(activations: Sequence[Activation]) -> Figure:
    """The figure: a panel for each activation, all with the same axes.

    Raises:
        ConfigError: there is nothing to draw.
    """
    if not activations:
        raise ConfigError("Expected an activation to draw, got none.", "Name one, such as relu6.")
    from matplotlib.figure import Figure  # noqa: PLC0415  (a third of a second)
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    x = np.linspace(*_x_window(activations), POINTS)
    window = _y_window(activations, x)
    columns = COLUMNS.get(len(activations), MOST_COLUMNS)
    rows = math.ceil(len(activations) / columns)
    width, height = ONLY_PANEL_INCHES if len(activations) == 1 else PANEL_INCHES
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
    figure = Figure(figsize=(columns * width, rows * height + 0.4), layout=layout)
    for index, activation in enumerate(activations):
        axes = figure.add_subplot(rows, columns, index + 1)
        _prepare(axes, activation, x, window)
        others = [other for other in activations if other != activation] if len(activations) <= FEW else []
        for other in others:
            axes.plot(x, other(x), color=OTHERS, linewidth=1.3, zorder=1)
        _draw_bounds(axes, activation)
        _draw_curves(axes, activation, x)
    words = textwrap.fill(_legend(len(activations)), int(columns * width / LETTER_INCHES))
    figure.supxlabel(words, color=MUTED, fontsize=9.5)
    return figure


def _legend(count: int) -> str:
    behind = ", grey: the other functions" if 1 < count <= FEW else ""
    same = " The same axes everywhere." if count > 1 else ""
    return f"Blue: f(x). Red, dash-dotted: its gradient f'(x). Dashed: bounds{behind}.{same}"


def _x_window(activations: Sequence[Activation]) -> tuple[float, float]:
    ceilings = [ceiling for activation in activations if (ceiling := _constant(activation).bounds[1]) is not None]
    return FAR if max(ceilings, default=0.0) > NEAR[1] - 1 else NEAR


def _constant(activation: Activation) -> Activation:
    """With what is learned standing where it starts."""
    return activation.simplified(activation.initial_weights()) if activation.learned else activation


def _y_window(activations: Sequence[Activation], x: Array) -> tuple[float, float]:
    """Lowest and highest y that show every value and slope, with room for the words at bounds."""
    values = np.concatenate([curve for act in activations for curve in (act(x), act.derivative(x))])
    low, high = max(float(values.min()), LOWEST), min(float(values.max()), float(x[-1]))
    return low - 0.14 * (high - low), high + 0.14 * (high - low)


def _prepare(axes: Axes, activation: Activation, x: Array, limits: tuple[float, float]) -> None:
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(*limits)
    axes.axhline(0, color=LINE, linewidth=1, zorder=0)
    axes.axvline(0, color=LINE, linewidth=1, zorder=0)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=MUTED, labelsize=8.5)
    axes.locator_params(axis="both", nbins=6, steps=[1, 2, 5, 10])
    axes.set_title(activation.kind, loc="left", color=INK, weight="bold", fontsize=11, pad=30)
    words = f"{CATALOG[activation.kind].formula}\n{_parameters(activation)}"
    place: dict[str, Any] = {"transform": axes.transAxes, "linespacing": 1.4}
    axes.text(0, 1.02, words, color=MUTED, fontsize=8.5, **place).set_in_layout(False)  # panels stay equally wide


def _parameters(activation: Activation) -> str:
    """Those that are in use, such as "beta = 1 (learned)"."""
    words = []
    for name, value in activation.parameters.items():
        if value is True:
            words.append(name)
        elif value is not None and value is not False:
            words.append(f"{name} = {value:.4g}" + (" (learned)" if name in activation.learned else ""))
    return ", ".join(word for word in words if word != "learn_beta")


def _draw_bounds(axes: Axes, activation: Activation) -> None:
    """Dashed lines, and in words whether the function gets there; what is learned is drawn where it starts."""
    shown = _constant(activation)
    learned = ", learned" if shown.bounds != activation.bounds else ""
    words = (("at least", "above"), ("at most", "below"))
    for side, (bound, reached) in enumerate(zip(shown.bounds, shown.attained, strict=True)):
        if bound is None:
            continue
        axes.axhline(bound, color=INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=2)
        text = f"{words[side][0 if reached else 1]} {bound:.3g}{learned if bound not in activation.bounds else ''}"
        # A floor is named below it on the right, a ceiling above it on the left: there the curves are elsewhere.
        x, align, va, shift = ((1, "right", "top", -3), (0, "left", "bottom", 3))[side]
        place: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
        axes.annotate(text, (x, bound), (0, shift), ha=align, va=va, color=INK, fontsize=8.5, **place)


def _draw_curves(axes: Axes, activation: Activation, x: Array) -> None:
    low, high = axes.get_ylim()
    curves = (
        ("f", activation(x), VALUE, "solid", 2.4),
        ("f'", activation.derivative(x), SLOPE, (0, (6, 1.5, 1.2, 1.5)), 1.6),
    )
    for name, y, colour, style, width in curves:
        axes.plot(x, _broken_at_jumps(y), color=colour, linestyle=style, linewidth=width, zorder=3)
        end = min(max(float(y[-1]), low), high)
        label: dict[str, Any] = {"textcoords": "offset points", "ha": "left", "va": "center", "annotation_clip": False}
        axes.annotate(name, (x[-1], end), (4, 0), color=colour, weight="bold", fontsize=10, **label)


def _broken_at_jumps(y: Array) -> Array:
    """The curve with a gap where it jumps, so that no line is drawn that is not there."""
    jumps = np.flatnonzero(np.abs(np.diff(y)) > JUMP)
    broken = y.copy()
    broken[jumps] = np.nan
    return broken
