"""The section of benchmarks/README.md that `benchmarks.compare` writes, and its figures as data."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np

from benchmarks.compare.measure import Cell
from benchmarks.compare.rows import CALIBRATION_SAMPLES, EPOCHS, QAT_EPOCHS, ROWS, SEEDS, TRAINED_ON, TRAINING_SAMPLES
from benchmarks.compare.speed import PIS, Speed
from benchmarks.compare.tools import OURS, TOOLS
from benchmarks.section import cpu, wrapped
from edgeswap import __version__

MOST_LOST = 0.1  # points below float, in the mean of the seeds
DEFAULT = "edgeswap_ptq"

Key = tuple[str, str, int]
Cells = Mapping[Key, Cell | None]
Speeds = Mapping[Key, Speed]
HEADERS = ["network", "tool", "seeds", "top-1 (95 %)", "drop, points (95 %)", "agreement", "SNR"]
HEADERS += ["float tensors", "kB", "seconds", "times float32", f"M instructions, {', '.join(PIS)}"]


def section(cells: Cells, speeds: Speeds) -> tuple[str, list[str]]:
    """The section's text, and where the cells that were measured miss what they must show."""
    missed = [words for name in ROWS for words in _missed(name, cells)]
    shown = [tool for tool in TOOLS if any(_seeds(cells, name, tool) for name in ROWS)]
    text = f"""```sh
EDGESWAP_SHARED=... python -m benchmarks.compare --qat
```

{wrapped(_what())}

{_table(["network", "float32", *(TOOLS[tool].words for tool in shown)], _overview(cells, shown), names=1)}

{wrapped(_verdict(missed))}

{_table(HEADERS, _details(cells, speeds), names=2)}

{_failures(cells)}

{_not_measured(cells)}

CPU: {cpu()}, other programs running beside. edgeswap {__version__}, Python {platform.python_version()},
{datetime.now(timezone.utc).date()}.
"""
    return text, missed


def summary(cells: Cells, speeds: Speeds, missed: Sequence[str]) -> dict[str, Any]:
    """All that was measured, as data: what other pages take their figures from."""
    found = [
        {
            "network": name,
            "words": ROWS[name].words,
            "tool": tool,
            "tool_words": TOOLS[tool].words,
            "seed": seed,
            **cell._asdict(),
            "figures": None if cell.figures is None else cell.figures._asdict(),
            **speeds.get((name, tool, seed), Speed(None, None))._asdict(),
        }
        for (name, tool, seed), cell in cells.items()
        if cell is not None
    ]
    return {"command": "python -m benchmarks.compare --qat", "edgeswap": __version__, "missed": missed, "cells": found}


def _overview(cells: Cells, shown: Sequence[str]) -> list[list[str]]:
    lines = []
    for name, row in ROWS.items():
        every = {tool: _seeds(cells, name, tool) for tool in shown}
        known = {
            seed: cell.figures.top1[0] + cell.figures.drop[0]
            for one in every.values()
            for seed, cell in one.items()
            if cell.figures is not None
        }
        if known:
            float32 = f"{np.mean(list(known.values())):.2f}"
            lines.append([row.words, float32, *(_drop_of(one) for one in every.values())])
    return lines


def _drop_of(found: Mapping[int, Cell]) -> str:
    if not found:
        return "not measured"
    worked = [cell.figures for cell in found.values() if cell.figures is not None]
    if not worked:
        return "failed"
    tensors = sum(one.float_tensors for one in worked)
    return f"{_mean([one.drop[0] for one in worked]):+.2f}" + (" (float left)" if tensors else "")


def _details(cells: Cells, speeds: Speeds) -> list[list[str]]:
    lines = []
    for name, row in ROWS.items():
        for tool in TOOLS:
            found = _seeds(cells, name, tool)
            worked = [cell.figures for cell in found.values() if cell.figures is not None]
            if not found:
                continue
            names = [row.words, TOOLS[tool].words, ", ".join(map(str, found))]
            if not worked:
                lines.append([*names, "failed", *[""] * (len(HEADERS) - 4)])
                continue
            top1 = [_mean([one.top1[end] for one in worked]) for end in range(3)]
            drop = [_mean([one.drop[end] for one in worked]) for end in range(3)]
            ratios = [one.snr_db for one in worked if one.snr_db is not None]
            lines.append(
                [
                    *names,
                    f"{top1[0]:.2f} ({top1[1]:.2f} to {top1[2]:.2f})",
                    f"{drop[0]:+.2f} ({drop[1]:+.2f} to {drop[2]:+.2f})",
                    f"{_mean([one.agreement for one in worked]):.2f} %",
                    f"{_mean(ratios):.1f} dB" if ratios else "equal",
                    str(max(one.float_tensors for one in worked)),
                    f"{_mean([one.size_bytes for one in worked]) / 1000:.1f}",
                    f"{_mean([cell.seconds for cell in found.values()]):.0f}",
                    *_speed([speeds[name, tool, seed] for seed in found if (name, tool, seed) in speeds]),
                ]
            )
    return lines


def _speed(found: Sequence[Speed]) -> list[str]:
    ratios = [one.speedup for one in found if one.speedup is not None]
    counts = [one.instructions for one in found if one.instructions is not None]
    instructions = ", ".join(f"{_mean([one[pi] for one in counts]):.2f}" for pi in PIS) if counts else "-"
    return [f"{np.median(ratios):.2f}x" if ratios else "-", instructions]


def _missed(name: str, cells: Cells) -> list[str]:
    """Where edgeswap by default flags is not what was asked for, on one row."""
    ours = [cell.figures for cell in _seeds(cells, name, DEFAULT).values() if cell.figures is not None]
    failed = [cell.failure for cell in _seeds(cells, name, DEFAULT).values() if cell.figures is None]
    words = [f"failed: {message}" for message in failed]
    if ours:
        drop, low = (_mean([one.drop[end] for one in ours]) for end in range(2))
        tensors = sum(one.float_tensors for one in ours)
        if drop > MOST_LOST:
            words.append(f"{drop:.2f} points below float")
        best = _best_other(name, cells)
        if best is not None and low > best[1]:
            words.append(f"{drop - best[1]:.2f} points below {TOOLS[best[0]].words}, more than chance")
        words += [f"{tensors} float tensors"] if tensors else []
    return [f"{ROWS[name].words}: {one}" for one in words]


def _best_other(name: str, cells: Cells) -> tuple[str, float] | None:
    """The full-integer tool without training that loses least, and its drop."""
    drops = {}
    for tool in TOOLS:
        figures = [cell.figures for cell in _seeds(cells, name, tool).values() if cell.figures is not None]
        if tool not in OURS and not TOOLS[tool].trains and figures and all(one.full_integer for one in figures):
            drops[tool] = _mean([one.drop[0] for one in figures])
    return min(drops.items(), key=lambda item: item[1]) if drops else None


def _what() -> str:
    return f"""Every tool gets the same float network, the same calibration samples
        ({CALIBRATION_SAMPLES["imagenet"]} photographs for ImageNet, {CALIBRATION_SAMPLES["cifar10"]} for CIFAR-10,
        without labels, drawn by the seed) and the same seed, each in a process and an environment of its own. Figures
        are of the raw outputs of its `.tflite` on ai-edge-litert, by one function for all, on samples that served for
        nothing else: {CALIBRATION_SAMPLES["imagenet"]} photographs of ImageNet, 5,000 of CIFAR-10. EfficientNet-Lite0
        and ResNet8 have their published weights; the others are small, trained here for {EPOCHS} epochs on
        {TRAINED_ON:,} photographs: they show what int8 costs, not what such networks reach. `drop` is in points of
        top-1 against float32, positive is worse, with its paired 95 % interval; agreement is the share of samples that
        get float32's class; SNR is that of the output against float32. Hard rows keep the float function: rescaled
        channels are multiplied by exp(N(0, 1)) and divided where they are read. QAT of both tools: {QAT_EPOCHS} epochs
        of the same {TRAINING_SAMPLES:,} labelled photographs. Dynamic range keeps float activations, so it runs on CPUs
        alone. litert-quantizer's GPTQ quantizes dense layers; in a recipe that quantizes others too it gives their
        weights the type int8 and leaves them the bytes of float32. edgeswap's seconds hold its own measurements and its
        report. `times float32` is float32's latency by that
        of the file on one thread of this machine (`--latency`), instructions are those of emulated Raspberry Pis
        (`--pi`); a dash was not measured. The other tasks (detection, segmentation,
        key points, ...) are in "A network for each task" above, beside TFLiteConverter's PTQ. Float networks and
        samples of every row: `benchmarks/compare/rows.py`."""


def _verdict(missed: Sequence[str]) -> str:
    held = f"Missed: {'; '.join(missed)}." if missed else "Every row that was measured holds it."
    return f"""The table has the drop against float32 in points. What was asked of edgeswap by its default flags (PTQ):
        at most {MOST_LOST} points below float32 in the mean of the seeds, no worse than the best other full-integer
        tool that does not train within the interval, no float tensor. {held}"""


def _failures(cells: Cells) -> str:
    lines = {
        f"- {TOOLS[tool].words} on {ROWS[name].words}: {cell.failure.splitlines()[0]}"
        for (name, tool, _), cell in cells.items()
        if cell is not None and cell.failure is not None
    }
    return (
        "Failures, each in the tool's own words:\n\n" + "\n".join(sorted(lines))
        if lines
        else "No tool failed in the cells that were measured."
    )


def _not_measured(cells: Cells) -> str:
    words = []
    for tool, one in TOOLS.items():
        lacking = {seed: [name for name in ROWS if cells.get((name, tool, seed)) is None] for seed in SEEDS}
        whole = [seed for seed, names in lacking.items() if len(names) == len(ROWS)]
        if len(whole) == len(SEEDS):
            words.append(f"{one.words}: no network")
            continue
        parts = [f"every network from seed {' and '.join(map(str, whole))}"] if whole else []
        parts += [
            f"{', '.join(ROWS[name].words for name in names)} from seed {seed}"
            for seed, names in lacking.items()
            if names and seed not in whole
        ]
        words += [f"{one.words}: {'; '.join(parts)}"] if parts else []
    return "Not measured:\n\n" + "\n".join(f"- {one}" for one in words) if words else "Every cell was measured."


def _seeds(cells: Cells, name: str, tool: str) -> dict[int, Cell]:
    every = {seed: cells.get((name, tool, seed)) for seed in SEEDS}
    return {seed: cell for seed, cell in every.items() if cell is not None}


def _table(headers: Sequence[str], lines: Sequence[Sequence[str]], names: int) -> str:
    rules = ["---"] * names + ["---:"] * (len(headers) - names)
    return "\n".join("| " + " | ".join(line) + " |" for line in (headers, rules, *lines))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
