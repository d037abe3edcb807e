"""Average precision of boxes as in COCO: each image is matched once, and any set of images has a value.

Source: pycocotools 2.0, `cocoeval.py`: areas of all sizes, no crowds, at most 100 boxes for an image and class.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST_BOXES = 100


def matches(boxes: Array, scores: Array, classes: Array, labels: Array) -> Array:
    """Which boxes are right, for each image and overlap.

    Args:
        boxes: (n, b, 4), two corners, as shares of the image.
        scores: (n, b); 0 or NaN is no box.
        classes: (n, b).
        labels: (n, most, 5), two corners and class; NaN is no object.

    Returns:
        Objects (n,): for each image float64 (k, 3), a row for each box with its class, its score and the sum of 2**i
        over those of the `OVERLAPS` at which it is right; and one for each object with its class, NaN and 0.
    """
    found = np.empty(len(boxes), np.object_)
    for i in range(len(boxes)):
        objects = labels[i][~np.isnan(labels[i, :, 4])].astype(np.float64)
        said = scores[i] > 0
        given = (boxes[i][said].astype(np.float64), scores[i][said].astype(np.float64), classes[i][said])
        rows = [np.stack([objects[:, 4], np.full(len(objects), np.nan), np.zeros(len(objects))], axis=1)]
        for number in np.unique(given[2]):
            same = given[2] == number
            order = np.argsort(-given[1][same], kind="stable")[:MOST_BOXES]
            kept = given[0][same][order]
            right = _right(kept, objects[objects[:, 4] == number, :4])
            bits = (right * 2.0 ** np.arange(len(OVERLAPS))[:, None]).sum(axis=0)
            rows.append(np.stack([np.full(len(kept), float(number)), given[1][same][order], bits], axis=1))
        found[i] = np.concatenate(rows)
    return found


def mean_average_precision(parts: Array, overlap: float | None = None) -> float:
    """Mean over the classes that objects have of the average precision: at `overlap`, or the mean over `OVERLAPS`.

    Args:
        parts: of any images, from `matches`.
        overlap: one of `OVERLAPS`.

    Returns:
        A share; NaN where no image has an object.
    """
    each = average_precisions(parts, overlap)
    return float(np.mean(list(each.values()))) if each else math.nan


def average_precisions(parts: Array, overlap: float | None = None) -> dict[int, float]:
    """Class number to its average precision, of the classes that objects have; see `mean_average_precision`."""
    rows = np.concatenate(list(parts)) if len(parts) else np.zeros((0, 3))
    is_box = ~np.isnan(rows[:, 1])
    numbers, counts = np.unique(rows[~is_box, 0], return_counts=True)
    at = range(len(OVERLAPS)) if overlap is None else [int(np.abs(OVERLAPS - overlap).argmin())]
    said = rows[is_box]
    said = said[np.lexsort((-said[:, 1], said[:, 0]))]  # stable: equal scores stay in the order of images
    begins, ends = (np.searchsorted(said[:, 0], numbers, side) for side in ("left", "right"))
    bits = said[:, 2].astype(np.int64)
    right = np.stack([(bits >> i) & 1 for i in at])
    return {
        int(number): _average_precision(right[:, begin:end], count)
        for number, begin, end, count in zip(numbers, begins, ends, counts, strict=True)
    }


def _average_precision(right: Array, objects: int) -> float:
    """Precision at 101 recalls, each the best at this recall or above, the mean over the rows of `right`."""
    found = right.cumsum(axis=1)
    precision = found / np.arange(1, right.shape[1] + 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    total = 0.0
    for row in range(len(right)):
        at = np.searchsorted(found[row] / objects, RECALLS, side="left")
        total += precision[row][at[at < right.shape[1]]].sum() / len(RECALLS)
    return total / len(right)


def _right(boxes: Array, objects: Array) -> npt.NDArray[np.bool_]:
    """(10, b) for boxes in the order of their scores: each takes the object that it overlaps most and that is free."""
    right = np.zeros((len(OVERLAPS), len(boxes)), np.bool_)
    if not len(objects):
        return right
    overlaps = _overlap(boxes, objects)
    free = np.ones((len(OVERLAPS), len(objects)), np.bool_)
    every = np.arange(len(OVERLAPS))
    for box in np.flatnonzero(overlaps.max(axis=1) >= OVERLAPS[0]):
        over = np.where(free & (overlaps[box] >= OVERLAPS[:, None]), overlaps[box], -1.0)
        best = len(objects) - 1 - over[:, ::-1].argmax(axis=1)  # the last of equal ones, as in COCO
        right[:, box] = over[every, best] >= 0
        free[every, best] &= ~right[:, box]
    return right


def _overlap(boxes: Array, objects: Array) -> npt.NDArray[np.float64]:
    """Intersection over union (b, g)."""
    low = np.maximum(boxes[:, None, :2], objects[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], objects[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, objects)]
    union = areas[0][:, None] + areas[1][None] - common
    shares: npt.NDArray[np.float64] = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return shares
