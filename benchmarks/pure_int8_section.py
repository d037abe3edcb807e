"""The section of benchmarks/README.md that `benchmarks.pure_int8` writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.section import wrapped
from edgeswap import __version__

LARGEST_MEAN_DROP = 0.3  # percentage points, over all rows
ABOVE = -0.3  # percentage points: no row's interval may lie wholly below

Classes = npt.NDArray[np.int64]


class Result(NamedTuple):
    """One network with one activation by one method: of each seed the classes given to the same images.

    Attributes:
        float32: by the network as it was given.
        control: by the float network that had the same training as int8.
        int8: by the `.tflite`.
        float_tensors: in all files together.
        int8_ends: whether all inputs and outputs of all files are int8.
    """

    network: str
    activation: str
    method: str
    float32: Sequence[Classes]
    control: Sequence[Classes]
    int8: Sequence[Classes]
    float_tensors: int
    int8_ends: bool


def section(results: Sequence[Result], labels: Classes, how: str) -> tuple[str, list[str]]:
    """The section's text, and where it misses what it must show.

    Args:
        results: the rows in order.
        labels: int64 (images,).
        how: a paragraph on the training.
    """
    gaps = [gap(result, labels) for result in results]
    rows = [
        [
            result.network,
            result.activation,
            result.method,
            *(_top1(classes, labels) for classes in (result.float32, result.control, result.int8)),
            f"{middle:+.2f} ({low:+.2f} to {high:+.2f})",
            str(result.float_tensors),
            "yes" if result.int8_ends else "no",
        ]
        for result, (middle, low, high) in zip(results, gaps, strict=True)
    ]
    headers = ["network", "activation", "method", "float32", "control", "int8", "int8 minus control"]
    headers += ["float tensors", "int8 in and out"]
    table = "\n".join("| " + " | ".join(row) + " |" for row in (headers, ["---"] * 3 + ["---:"] * 6, *rows))
    mean = float(np.mean([middle for middle, _, _ in gaps]))
    missed = _missed(results, gaps, mean)
    seeds = len(results[0].int8)
    text = f"""```sh
python -m benchmarks.pure_int8
```

{wrapped(_what(labels, seeds))}

{table}

{wrapped(_verdict(mean, missed))}

{wrapped(how)}

edgeswap {__version__}, {datetime.now(timezone.utc).date()}.
"""
    return text, missed


def gap(result: Result, labels: Classes) -> tuple[float, float, float]:
    """int8's top-1 minus its control's over all seeds, with the ends of its 95 % interval, in percentage points.

    The same images serve every seed, so an image counts once, with its mean over the seeds; the interval is that of a
    mean over images, by the normal approximation.
    """
    differences = np.mean(
        [
            (int8 == labels).astype(float) - (control == labels)
            for int8, control in zip(result.int8, result.control, strict=True)
        ],
        axis=0,
    )
    middle = 100 * float(differences.mean())
    half = 100 * 1.96 * float(differences.std(ddof=1)) / len(differences) ** 0.5
    return middle, middle - half, middle + half


def _top1(seeds: Sequence[Classes], labels: Classes) -> str:
    return f"{100 * float(np.mean([classes == labels for classes in seeds])):.2f}"


def _missed(results: Sequence[Result], gaps: Sequence[tuple[float, float, float]], mean: float) -> list[str]:
    missed = [f"the mean over the rows is {mean:+.2f}"] if mean < -LARGEST_MEAN_DROP else []
    for result, (_, _, high) in zip(results, gaps, strict=True):
        name = f"{result.network}, {result.activation}, {result.method}"
        if high < ABOVE:
            missed.append(f"{name}: all of the interval is below {ABOVE}")
        if result.float_tensors or not result.int8_ends:
            missed.append(f"{name}: not full-integer")
    return missed


def _what(labels: Classes, seeds: int) -> str:
    return f"""Top-1, in percent, on {len(labels):,} photographs of CIFAR-10 (32x32, JPEG) that served for nothing else;
        each figure is the mean of {seeds} seeds, fixed beforehand. `float32` is the network as it was given, before
        its activations were swapped. `control` is the float network that had the very training that the int8 one had:
        for ptq the swapped network trained back, for qat the same trained on with the same images, steps and learning
        rate. The difference is paired, in percentage points, with its 95 % interval over the photographs, of which
        each counts once with its mean over the seeds."""


def _verdict(mean: float, missed: Sequence[str]) -> str:
    found = f"Missed: {'; '.join(missed)}." if missed else "It holds."
    return f"""Mean over the rows of int8 minus control: {mean:+.2f} points. What was asked: the mean at most
        {LARGEST_MEAN_DROP} points down, no row's interval wholly below {ABOVE}, no float tensor, int8 in and out.
        {found}"""
