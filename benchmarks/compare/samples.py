"""The samples of a row: the same for every tool."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.compare.rows import CALIBRATION_SAMPLES, TRAINING_SAMPLES, Row
from benchmarks.compare.trained import float_model, photographs, shared
from edgeswap.data.class_names import read_names
from edgeswap.data.load import load

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Samples(NamedTuple):
    """The samples of a row and seed; no sample is in two of the three parts.

    Attributes:
        calibration: uint8 (N, H, W, 3), without labels.
        test: those that the figures are of, the same for every seed.
        labels: of the test samples.
        train: for QAT alone, and with their labels; None where there are none to train on.
    """

    calibration: Pixels
    test: Pixels
    labels: Labels
    train: tuple[Pixels, Labels] | None


def samples(row: Row, seed: int) -> Samples:
    """The samples that all tools get."""
    count = CALIBRATION_SAMPLES[row.data]
    random = np.random.default_rng(seed)
    if row.data == "imagenet":
        pixels, labels = _imagenet()
        order = np.random.default_rng(0).permutation(len(pixels))  # as in benchmarks.budget: the same test photographs
        test, others = order[:-count], order[-count:]
        return Samples(pixels[random.permutation(others)], pixels[np.sort(test)], labels[np.sort(test)], None)
    data = photographs()
    assert data.train.classes is not None
    assert data.figures.classes is not None
    rows = random.permutation(len(data.train))
    calibration, train = rows[:count], rows[count : count + TRAINING_SAMPLES]
    return Samples(
        np.asarray(data.train.read(calibration)),
        np.asarray(data.figures.read(np.arange(len(data.figures)))),
        np.asarray(data.figures.classes),
        (np.asarray(data.train.read(train)), np.asarray(data.train.classes)[train]),
    )


@cache
def _imagenet() -> tuple[Pixels, Labels]:
    model: Any = float_model("efficientnet_lite0", 0, Path())
    names = shared() / "data" / "imagenet_wnids.txt"
    data = load(
        str(shared() / "data" / "imagenet_500.zip"),
        input_shapes={model.inputs[0].name: tuple(model.inputs[0].shape[1:])},
        classes=1000,
        class_names=read_names(names, 1000),
        names_from=str(names),
    )
    return np.asarray(data.read(np.arange(len(data)))), np.asarray(data.classes)
