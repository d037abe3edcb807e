"""Samples that reach the model in another scale than the test samples, such as 0..1 beside 0..255."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeswap.data.dataset import Array, Dataset, evenly_spaced
from edgeswap.data.images import ImageFiles
from edgeswap.data.preprocess import Preprocess
from edgeswap.records import Caution

VALUE_RANGES = "value_ranges"  # the kind of the warning
MOST_READ = 256
MARGIN = 0.2
# Of values drawn alike, one in n + 1 is above the highest of n others, however long the tails are.
OUTSIDE = 0.1
# Test values that fill less than this part of the other range have 32 of 255 steps.
NARROW = 1 / 8


def other_scale(used: Dataset, test: Dataset, preprocess: Preprocess, *, role: str) -> Caution | None:
    """The warning about samples of `role` whose preprocessed values are in another scale than those of the tests.

    They are so where over 10 % of the test values other than 0 lie outside the range of the others, which is widened by
    a fifth on both sides; or where over 10 % of the others lie outside that of the test values, which fill less than an
    eighth of theirs.

    Args:
        used: raw samples that set ranges or train.
        test: raw samples for the figures.
        preprocess: the mapping of both.
        role: of `used`: `calibration` or `training`.
    """
    if isinstance(used.samples, ImageFiles) and isinstance(test.samples, ImageFiles):
        return None  # all are pixels
    theirs = _values(test, preprocess)
    for name, values in _values(used, preprocess).items():
        if _differ(values, theirs[name]):
            where = "" if len(theirs) == 1 else f" for input {name!r}"
            return Caution(
                kind=VALUE_RANGES,
                problem=f"The {role} samples from {used.source} have values of {_range(values)}{where} after "
                f"preprocessing, the test samples from {test.source} of {_range(theirs[name])}: the two are in "
                "different scales.",
                remedy=f"Give both in the scale that the model was trained with; look at how {used.source} and "
                f"{test.source} were written.",
            )
    return None


def _values(data: Dataset, preprocess: Preprocess) -> Mapping[str, Array]:
    """Evenly spaced samples as the model takes them, by input; one input has the name x."""
    some = evenly_spaced(len(data), MOST_READ)
    mapped = preprocess(data.read(some))
    return mapped if isinstance(mapped, Mapping) else {"x": mapped}


def _differ(values: Array, tests: Array) -> bool:
    if _outside(tests, values) > OUTSIDE:
        return True
    return bool(np.ptp(tests) < NARROW * np.ptp(values) and _outside(values, tests) > OUTSIDE)


def _outside(values: Array, others: Array) -> float:
    """Share of values beyond the range of the others; without 0, the background of an image in every scale."""
    low, high = float(others.min()), float(others.max())
    margin = MARGIN * (high - low)
    told = values[values != 0]
    if low == high or not told.size:
        return 0.0
    return float(np.mean((told < low - margin) | (told > high + margin)))


def _range(values: Array) -> str:
    return f"{values.min():.4g} to {values.max():.4g}"
