"""What a task tells of a model beside its metrics: figures of each class, curves, errors, and answers in its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Parts = Mapping[str, Array]  # of each metric that is known, as `Metric.parts` gave them

# One answer for a sample: what it names, a class by its number or anything else by its name, and a number for each.
Answer = list[tuple[int | str, float]]

MOST_NAMED = 4  # classes in one answer
MOST_VALUES = 6  # numbers in one answer


@dataclass(frozen=True, eq=False)
class Details:
    """Of one model on the test samples; what a task does not tell is empty.

    Attributes:
        class_metric: what the figures of classes are, as in `titles`; None without them.
        by_class: class number to its figure, NaN where the samples do not tell it.
        ranked: scores (n,) and labels of 0 and 1 (n,), which make a ROC curve.
        errors: (m,), prediction minus label of each value; without `labels` the mean absolute error of each sample.
        labels: (m,), of the same values.
    """

    class_metric: str | None = None
    by_class: Mapping[int, float] = field(default_factory=dict)
    ranked: tuple[Array, Array] | None = None
    errors: Array | None = None
    labels: Array | None = None


def values_answers(values: Array, name: str) -> list[Answer]:
    """Of numbers (n, ...) that are no classes: each of a few, and of many their mean, lowest and highest."""
    rows = np.asarray(values, np.float64).reshape(len(values), -1)
    if rows.shape[1] == 1:
        return [[(name, float(row[0]))] for row in rows]
    if rows.shape[1] <= MOST_VALUES:
        return [[(f"{name}[{place}]", float(value)) for place, value in enumerate(row)] for row in rows]
    return [[("mean", float(row.mean())), ("lowest", float(row.min())), ("highest", float(row.max()))] for row in rows]


def highest(scores: Array, classes: Array) -> Answer:
    """The classes of the highest scores, the best first, at most `MOST_NAMED`."""
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")[:MOST_NAMED]
    return [(int(classes[place]), float(scores[place])) for place in order]
