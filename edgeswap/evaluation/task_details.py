"""What the report shows of a candidate beside the baseline in the terms of the task: classes, a ROC curve, errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from edgeswap.evaluation.scoring import Array, Scores, Scoring
from edgeswap.records import ClassFigure, Errors, RocCurves
from edgeswap.tasks.ranking import roc_curve

BINS = 24
MOST_POINTS = 200
MOST_CURVE_POINTS = 100


class TaskDetails(NamedTuple):
    """Of two models on the same samples, for `Comparison`."""

    class_metric: str | None
    per_class: list[ClassFigure]
    roc: RocCurves | None
    errors: Errors | None


def task_details(
    scoring: Scoring, baseline: Scores, candidate: Scores, *, class_names: Sequence[str] | None
) -> TaskDetails:
    """What the task tells of both models.

    Args:
        scoring: the task.
        baseline: scores of the one.
        candidate: of the other, for the same samples.
        class_names: in the order of the model's outputs; None where unknown.
    """
    first, second = (scoring.task.details(scores.parts, scoring.model) for scores in (baseline, candidate))
    roc = errors = None
    if first.ranked is not None and second.ranked is not None:
        curves = [_thinned(roc_curve(*ranked), MOST_CURVE_POINTS) for ranked in (first.ranked, second.ranked)]
        if all(map(len, curves)):
            roc = RocCurves(float32=_pairs(curves[0]), int8=_pairs(curves[1]))
    if first.errors is not None and second.errors is not None:
        errors = _errors(first.errors, second.errors, first.labels)
    return TaskDetails(first.class_metric, _per_class(first.by_class, second.by_class, class_names or ()), roc, errors)


def class_name(number: int, names: Sequence[str]) -> str:
    """The name of a class, or its number where it has none."""
    return names[number] if 0 <= number < len(names) else str(number)


def _per_class(
    baseline: Mapping[int, float], candidate: Mapping[int, float], names: Sequence[str]
) -> list[ClassFigure]:
    figures = []
    for number in sorted({*baseline, *candidate}):
        both = [_finite(own.get(number, math.nan)) for own in (baseline, candidate)]
        if both != [None, None]:
            figures.append(ClassFigure(class_=class_name(number, names), float32=both[0], int8=both[1]))
    return figures


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _errors(first: Array, second: Array, labels: Array | None) -> Errors | None:
    """Bins from the lowest to the highest finite error of both."""
    both = np.concatenate([first, second])
    known = both[np.isfinite(both)]
    if not len(known):
        return None
    edges = np.histogram_bin_edges(known, BINS)
    counts = [np.histogram(own[np.isfinite(own)], edges)[0].tolist() for own in (first, second)]
    points: list[tuple[float, float, float]] = []
    if labels is not None:
        rows = _evenly(len(labels), MOST_POINTS)
        table = np.stack([labels, labels + first, labels + second], axis=1)[rows]
        points = [(float(row[0]), float(row[1]), float(row[2])) for row in table[np.isfinite(table).all(axis=1)]]
    return Errors(
        of="sample" if labels is None else "value",
        edges=edges.tolist(),
        float32=counts[0],
        int8=counts[1],
        points=points,
    )


def _thinned(curve: Array, most: int) -> Array:
    return curve[_evenly(len(curve), most)]


def _evenly(count: int, most: int) -> Array:
    """Places 0 to `count`, all or `most` of them, the first and the last included."""
    rows: Array = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
    return rows


def _pairs(curve: Array) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in curve]
