"""The representative dataset: the samples whose values set the observed ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.load import Dataset
from edgeswap.errors import DataError

# Fewer say little about extremes; the converter's own documents ask for 100 to 500.
FEWEST = 10

Preprocess = Callable[[Any], Any]


def representative_dataset(
    dataset: Dataset,
    preprocess: Preprocess,
    *,
    shapes: Mapping[str, Sequence[int | None]],
    count: int = 500,
    seed: int = 0,
    test: Dataset | None = None,
) -> tuple[npt.NDArray[np.float32], ...]:
    """A seeded sample of `dataset`, preprocessed and checked; classes are represented equally where there are labels.

    Args:
        dataset: raw samples.
        preprocess: raw samples, as `dataset.read` gives them, to float32: an array, or a dict by input name.
        shapes: name of each model input, in order, to its shape without the batch; None fits any size.
        count: how many samples; all of them if there are fewer.
        seed: of the choice.
        test: samples that must not be among the chosen ones, compared by their digests.

    Returns:
        One float32 array (count, ...) for each model input.

    Raises:
        DataError: no samples or too few, a shape or a type that does not fit, NaN or infinity, the same sample over
            and over, or samples that are also in `test`.
    """
    if len(dataset) < FEWEST:
        raise DataError(
            f"Expected at least {FEWEST} samples to calibrate on, got {len(dataset)} from {dataset.source}.",
            "Give more samples with --calibration or --data.",
        )
    chosen = choose(len(dataset), dataset.classes, count, seed)
    picked = dataset.subset(chosen)
    if test is not None:
        remedy = "Remove them from one of the two: samples that set the ranges cannot test them."
        refuse_test_samples(picked, test, role="calibration", remedy=remedy)
    processed = preprocess(picked.read(np.arange(len(picked))))
    by_name = processed if isinstance(processed, Mapping) else {next(iter(shapes)): processed}
    if set(by_name) != set(shapes):
        raise DataError(
            f"Expected samples for the inputs {', '.join(shapes)}, got {', '.join(by_name)}.",
            "Name the arrays of the .npz as the model's inputs.",
        )
    return tuple(checked(name, by_name[name], shape) for name, shape in shapes.items())


def choose(total: int, labels: npt.NDArray[np.int64] | None, count: int, seed: int) -> npt.NDArray[np.int64]:
    """`count` of `total` indices, ascending, none twice; with labels as equally over the classes as they allow."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(total)
    if labels is not None:
        # The first of each class, then the second of each, and so on.
        turn = np.empty(total, np.int64)
        for label in np.unique(labels):
            members = np.flatnonzero(labels[order] == label)
            turn[members] = np.arange(len(members))
        order = order[np.argsort(turn, kind="stable")]
    return np.sort(order[:count])


def checked(name: str, samples: npt.NDArray[np.float32], shape: Sequence[int | None]) -> npt.NDArray[np.float32]:
    """`samples` (N, ...) of input `name`, if their ranges would mean anything.

    Raises:
        DataError: see `representative_dataset`.
    """
    got = samples.shape[1:]
    fits = len(got) == len(shape) and all(want in (None, have) for want, have in zip(shape, got, strict=True))
    if not fits:
        raise DataError(
            f"Expected calibration samples of shape {_text(shape)} for input {name!r}, got {_text(got)}.",
            "Resize them, or give the data the model was trained on.",
        )
    if samples.dtype != np.float32:
        raise DataError(
            f"Expected float32 calibration samples after preprocessing for input {name!r}, got {samples.dtype}.",
            "Let --preprocess return float32.",
        )
    broken = int(np.count_nonzero(~np.isfinite(samples.reshape(len(samples), -1)).all(axis=1)))
    if broken:
        raise DataError(
            f"Expected finite calibration samples for input {name!r}, got NaN or infinity in {broken}.",
            "Remove them, or correct the preprocessing.",
        )
    if (samples == samples[0]).all():
        raise DataError(
            f"Expected calibration samples that differ for input {name!r}, got {len(samples)} times the same.",
            "Check how the data are read: one sample cannot set a range.",
        )
    flat = samples.reshape(len(samples), -1)
    blank = int(np.count_nonzero((flat == flat[:, :1]).all(axis=1)))
    if flat.shape[1] > 1 and blank * 2 > len(samples):
        raise DataError(
            f"Expected calibration images for input {name!r}, got {blank} of {len(samples)} that are blank.",
            "Check how the data are read.",
        )
    return samples


def refuse_test_samples(used: Dataset, test: Dataset, *, role: str, remedy: str) -> None:
    """Refuse samples that are also test samples, byte by byte.

    Args:
        used: samples that the model learns from.
        test: samples for the figures.
        role: of `used`, such as `training`.
        remedy: what to do about it.

    Raises:
        DataError: `used` and `test` share a sample.
    """
    known = set(test.digests)
    shared = sum(digest in known for digest in used.digests)
    if shared:
        raise DataError(
            f"Expected no {role} sample in the test samples, got {shared} of {len(used)} from {used.source} in both.",
            remedy,
        )


def _text(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
