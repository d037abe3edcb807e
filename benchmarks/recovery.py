"""Accuracy after a swap and after its recovery, beside the same network trained with that activation from the start.

Each network is a cell with a file of its own in a cache folder, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import datetime, timezone
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import cifar
from benchmarks.cells import Arrays, cell, weights_of, with_weights
from benchmarks.said import keras_classes
from benchmarks.section import cpu, wrapped, write_section
from edgeswap import __version__
from edgeswap.activations.catalog import parse
from edgeswap.commands.fine_tuning import RECOVERY_LEARNING_RATE
from edgeswap.data.load import Dataset
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.graph.swap import swap
from edgeswap.statistics import paired_difference_interval, wilson_interval
from edgeswap.training import losses as objective
from edgeswap.training.fit import train

ORIGINAL = "swish"
ACTIVATIONS = ("relu6", "hard_swish", "clipped_elu")
MOST_EPOCHS = 5
LARGEST_SHORTFALL = 0.5  # percentage points

Classes = npt.NDArray[np.int64]


class Cell(NamedTuple):
    """One trained network.

    Attributes:
        stopping_top1: on the stopping part, after each epoch of a training from the start; else of the network itself.
        predictions: classes of the 5,000 images for figures.
        weights: in the order of `get_weights()`.
    """

    stopping_top1: npt.NDArray[np.float64]
    predictions: Classes
    weights: tuple[npt.NDArray[Any], ...]


class Recovery(NamedTuple):
    """What is trained after the swap: 0 epochs is the swap alone."""

    activation: str
    labels: bool
    epochs: int


def from_the_start(activation: str, seed: int, cache_folder: Path) -> Cell:
    """The network trained with `activation` by the recipe of `cifar.train_until_flat`."""

    def make() -> Arrays:
        data = _data()
        trained = cifar.train_until_flat(cifar.network(activation, seed), data.train, data.stopping, seed)
        return _arrays(trained.model, trained.stopping_top1)

    return _cell(cell(cache_folder, f"{activation}-seed{seed}", cifar.RECIPE, make))


def recovered(recovery: Recovery, seed: int, cache_folder: Path) -> Cell:
    """The network trained with swish, swapped, and trained back as `edgeswap export --recover-epochs N` does it."""
    original = from_the_start(ORIGINAL, seed, cache_folder)

    def make() -> Arrays:
        teacher = cifar.network(ORIGINAL, seed)
        teacher.set_weights(original.weights)
        model = build(swap(canonicalize(read(teacher)), parse(recovery.activation)).graph)
        data = _data().train
        if recovery.epochs:
            model = train(
                model,
                read=lambda indices: model_inputs(data, cifar.PREPROCESS, indices, as_app=True),
                count=len(data),
                labels=data.classes if recovery.labels else None,
                epochs=recovery.epochs,
                learning_rate=RECOVERY_LEARNING_RATE,
                seed=seed,
                teacher=teacher,
                batch_norm="updated",
            ).model
        return _arrays(model, (cifar.top1(model, _data().stopping),))

    taught = "labels" if recovery.labels else "teacher-only"
    recipe = {**cifar.RECIPE, "recovery": (RECOVERY_LEARNING_RATE, objective.TEMPERATURE)}
    name = f"{ORIGINAL}-to-{recovery.activation}-{taught}-{recovery.epochs}-seed{seed}"
    return _cell(cell(cache_folder, name, recipe, make))


@cache
def _data() -> cifar.Cifar:
    return cifar.load_cifar()


def _arrays(model: Any, stopping_top1: Sequence[float]) -> Arrays:
    predictions = keras_classes(model, _data().figures, cifar.PREPROCESS)
    return with_weights({"stopping_top1": np.array(stopping_top1), "predictions": predictions}, model.get_weights())


def _cell(arrays: Arrays) -> Cell:
    return Cell(arrays["stopping_top1"], arrays["predictions"], tuple(weights_of(arrays)))


class Cells(NamedTuple):
    """All cells of one seed: by activation, and by what was done after the swap."""

    started: dict[str, Cell]
    recovered: dict[Recovery, Cell]


def run(seed: int, cache_folder: Path, processes: int) -> Cells:
    """Train what the cache does not hold, `processes` networks at a time, each on one thread."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # read as a worker starts
    recoveries = [
        Recovery(activation, labels, epochs)
        for epochs in (MOST_EPOCHS, 3, 0, 1, 2, 4)
        for labels in (True, False)
        for activation in ACTIVATIONS
        if epochs or labels  # the swap alone is the same with and without
    ]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting: dict[str, Future[Cell]] = {
            activation: pool.submit(from_the_start, activation, seed, cache_folder)
            for activation in (ORIGINAL, *ACTIVATIONS)
        }
        waiting[ORIGINAL].result()
        after = {recovery: pool.submit(recovered, recovery, seed, cache_folder) for recovery in recoveries}
        started = {activation: future.result() for activation, future in waiting.items()}
        return Cells(started, {recovery: future.result() for recovery, future in after.items()})


def difference(labels: Classes, first: Classes, second: Classes) -> tuple[float, float, float]:
    """The first's top-1 minus the second's and its 95 % interval, paired, in percentage points."""
    only_first = int(np.count_nonzero((first == labels) & (second != labels)))
    only_second = int(np.count_nonzero((first != labels) & (second == labels)))
    low, high = paired_difference_interval(only_first, only_second, len(labels))
    return 100 * (only_first - only_second) / len(labels), 100 * low, 100 * high


def section(cells: Cells, figures: Dataset, seed: int) -> tuple[str, list[str]]:
    """The section of benchmarks/README.md, and where it misses what it must show."""
    labels = figures.classes
    assert labels is not None

    def top1(cell: Cell) -> str:
        return f"{100 * np.mean(cell.predictions == labels):.2f}"

    rows, missed = [], []
    for activation in ACTIVATIONS:
        for labelled in (True, False):
            after = [cells.recovered[Recovery(activation, labelled, epochs)] for epochs in range(1, MOST_EPOCHS + 1)]
            started = cells.started[activation]
            gap, low, high = difference(labels, after[-1].predictions, started.predictions)
            if gap < -LARGEST_SHORTFALL:
                missed.append(f"{activation}, {'with' if labelled else 'without'} labels: {gap:+.2f} points")
            rows.append(
                [
                    activation,
                    "yes" if labelled else "no",
                    top1(cells.recovered[Recovery(activation, True, 0)]),
                    *(top1(cell) for cell in after),
                    top1(started),
                    f"{gap:+.2f} ({low:+.2f} to {high:+.2f})",
                ]
            )
    headers = ["activation", "labels", "after the swap", *(str(epoch) for epoch in range(1, MOST_EPOCHS + 1))]
    headers += ["from the start", "5 epochs minus from the start"]
    table = "\n".join("| " + " | ".join(row) + " |" for row in (headers, ["---"] * 2 + ["---:"] * 8, *rows))
    text = f"""```sh
python -m benchmarks.recovery --seed {seed}
```

{wrapped(_what(cells, labels))}

{table}

{wrapped(_verdict(missed))}

{wrapped(_how(cells))}

{wrapped(_limits())}

CPU: {cpu()}, one thread a network. edgeswap {__version__}, Python {platform.python_version()},
{datetime.now(timezone.utc).date()}.
"""
    return text, missed


def _what(cells: Cells, labels: Classes) -> str:
    original = cells.started[ORIGINAL]
    right = int(np.count_nonzero(original.predictions == labels))
    low, high = wilson_interval(right, len(labels))
    size = sum(array.size for array in original.weights)
    return f"""Top-1, in percent, of a MobileNetV2 of five inverted residuals ({size:,} parameters) on {len(labels):,}
        photographs of CIFAR-10 (32x32, JPEG) that served for nothing else. It was trained with swish:
        {100 * right / len(labels):.2f} (95 % Wilson interval {100 * low:.2f} to {100 * high:.2f}; the others' are as
        wide). Then its activations were swapped, and it was trained back as `edgeswap export --recover-epochs N` does
        it. The columns 1 to {MOST_EPOCHS} are {MOST_EPOCHS} runs, each of that many epochs with a learning-rate
        schedule of its own, so that each shows what that N gives."""


def _verdict(missed: Sequence[str]) -> str:
    found = f"Missed by {'; '.join(missed)}." if missed else "Every row holds it."
    return f"""The last column is paired, in percentage points, with its 95 % interval (Tango's score interval). What
        was asked: after at most {MOST_EPOCHS} epochs no more than {LARGEST_SHORTFALL} points below the same network
        trained with that activation from the start. {found} The judged run is the one of {MOST_EPOCHS} epochs, not the
        best of the {MOST_EPOCHS}."""


def _how(cells: Cells) -> str:
    data = _data()
    epochs = ", ".join(
        f"{activation} {len(cell.stopping_top1)} (best: {np.argmax(cell.stopping_top1) + 1})"
        for activation, cell in cells.started.items()
    )
    return f"""From the start, the same for all four: {len(data.train):,} images, Adam, batches of {cifar.BATCH_SIZE}, a
        learning rate of {cifar.FIRST_LEARNING_RATE} that falls to {cifar.LEARNING_RATE_DECAY} of itself each epoch,
        images mirrored at random and shifted by up to {cifar.LARGEST_SHIFT} pixels; it ends when top-1 on
        {len(data.stopping):,} images held out of the training images has not risen for {cifar.PATIENCE} epochs, and the
        best epoch's weights are kept. Epochs it took: {epochs}. Recovery: the same {len(data.train):,} images as they
        are, batches of 32, Adam from {RECOVERY_LEARNING_RATE} by a cosine to 0, towards the logits of the swish network
        at temperature {objective.TEMPERATURE:g} and, in the rows with labels, towards the labels with equal weight."""


def _limits() -> str:
    return """What this does not show: the recovered network has been trained for more epochs than the one from the
        start, and had a teacher, so a gain here is not a gain of the swap. It is one seed; the interval is that of the
        choice of photographs, and training from another seed moves a network too."""


def main() -> int:
    """Run all cells and write the section; 1 where it misses what it must show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(".cache/recovery"), help="where the cells are kept")
    parser.add_argument("--processes", type=int, default=2, help="networks trained at a time, one thread each")
    arguments = parser.parse_args()
    cells = run(arguments.seed, arguments.cache, arguments.processes)
    text, missed = section(cells, _data().figures, arguments.seed)
    write_section(Path(__file__).with_name("README.md"), "recovery", text)
    print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
