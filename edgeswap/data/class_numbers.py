"""Class numbers from what Keras users have as labels of a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeswap.data.dataset import Indices
from edgeswap.errors import DataError


def class_numbers(given: Any, count: int, classes: int, source: str) -> Indices:
    """Integer labels (N,) from (N,), (N, 1) or one-hot rows (N, classes).

    Raises:
        DataError: they are none of these, or not for a model of so many classes.
    """
    y = np.asarray(given)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    elif y.ndim == 2 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        if y.shape[1] != classes:
            raise DataError(
                f"Expected one-hot labels of {classes} classes in {source}, got rows of {y.shape[1]}.",
                "Encode the labels again.",
            )
        y = y.argmax(axis=1)
    if y.shape != (count,) or y.dtype.kind not in "ui":
        raise DataError(
            f"Expected {count} integer labels, one a sample, in {source}, got {y.dtype} of shape {y.shape}.",
            "Give the class of every sample as an integer, or as a one-hot row.",
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"Expected labels from 0 to {classes - 1} in {source}, got {low} to {high}.",
            "Number the classes from 0 in the order of the model's outputs.",
        )
    return y.astype(np.int64)
