"""What the README shows first: one row of the table with every tool that was measured, as a picture and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare.figures import Figures
from benchmarks.compare.measure import Cell
from benchmarks.compare.rows import ROWS, SEEDS
from benchmarks.compare.tools import OURS, TOOLS
from benchmarks.section import wrapped

ROW = "efficientnet_lite0"
PICTURE = "docs/pictures/efficientnet-lite0.png"
COMMAND = f"EDGESWAP_SHARED=... python -m benchmarks.compare --only {ROW}"
INK, OURS_COLOUR, OTHERS_COLOUR = "#1c2126", "#0b6bcb", "#767f88"

Cells = Mapping[tuple[str, str, int], Cell | None]


def headline(cells: Cells) -> str:
    """The section of README.md."""
    found = {tool: _cells(cells, tool) for tool in TOOLS if _cells(cells, tool)}
    shown = {tool: [cell.figures for cell in each if cell.figures is not None] for tool, each in found.items()}
    some = next(figures[0] for figures in shown.values() if figures)
    lines = [
        "| tool | top-1 | drop, points (95 %) | same class as float32 | SNR | float tensors | size |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [_line(tool, figures) for tool, figures in shown.items()]
    table = "\n".join(lines)
    text = f"""{ROWS[ROW].words} with its published weights, quantized by each tool from the same photographs without
        labels, on {some.samples} others: float32 is right on {some.top1[0] + some.drop[0]:.1f} % of them. `{COMMAND}`
        makes the picture and the table; [benchmarks/](benchmarks/README.md) has the rest and how it was measured."""
    alt = "Points of top-1 lost and signal-to-noise ratio of each tool's model, edgeswap's in blue"
    return f"{wrapped(text)}\n\n![{alt}]({PICTURE})\n\n{table}"


def draw(cells: Cells, file: Path) -> None:
    """The picture: points lost with their interval, and how near the outputs are to float32's."""
    from matplotlib.figure import Figure  # noqa: PLC0415  (a third of a second)

    shown = {
        tool: [cell.figures for cell in _cells(cells, tool) if cell.figures is not None]
        for tool in reversed(list(TOOLS))
    }
    shown = {tool: figures for tool, figures in shown.items() if figures}
    picture = Figure(figsize=(9, 0.6 + 0.38 * len(shown)), dpi=160, facecolor="white", layout="constrained")
    lost, near = picture.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for at, (tool, figures) in enumerate(shown.items()):
        colour = OURS_COLOUR if tool in OURS else OTHERS_COLOUR
        drop, low, high = (_mean([one.drop[end] for one in figures]) for end in range(3))
        lost.plot([low, high], [at, at], color=colour, linewidth=2)
        lost.plot([drop], [at], "o", color=colour)
        ratio = _mean([one.snr_db for one in figures if one.snr_db is not None])
        near.barh(at, ratio, color=colour, height=0.55)
        near.annotate(f"{ratio:.1f} dB", (ratio, at), (3, 0), textcoords="offset points", va="center", color=INK)
    lost.set_yticks(range(len(shown)), [_named(tool, figures) for tool, figures in shown.items()])
    lost.axvline(0, color=INK, linewidth=0.8)
    lost.set_xlabel("points of top-1 lost, with 95 % interval")
    near.set_xlabel("SNR of the output")
    near.set_xlim(0, near.get_xlim()[1] * 1.2)
    for axes in (lost, near):
        axes.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(file, metadata={"Software": None})


def _cells(cells: Cells, tool: str) -> list[Cell]:
    return [cell for seed in SEEDS if (cell := cells.get((ROW, tool, seed))) is not None]


def _named(tool: str, figures: Sequence[Figures]) -> str:
    return TOOLS[tool].words + ("" if all(one.full_integer for one in figures) else ", float left inside")


def _line(tool: str, figures: Sequence[Figures]) -> str:
    words = f"**{TOOLS[tool].words}**" if tool in OURS else TOOLS[tool].words
    if not figures:
        return f"| {words} | [failed](benchmarks/README.md#edgeswap-beside-other-tools) | | | | | |"
    drop = [_mean([one.drop[end] for one in figures]) for end in range(3)]
    values: list[Any] = [
        words,
        f"{_mean([one.top1[0] for one in figures]):.1f} %",
        f"{drop[0]:.1f} ({drop[1]:.1f} to {drop[2]:.1f})",
        f"{_mean([one.agreement for one in figures]):.1f} %",
        f"{_mean([one.snr_db for one in figures if one.snr_db is not None]):.1f} dB",
        max(one.float_tensors for one in figures),
        f"{_mean([one.size_bytes for one in figures]) / 1e6:.2f} MB",
    ]
    return f"| {' | '.join(map(str, values))} |"


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
