"""Figures of how scores rank samples: area under the ROC curve, and average precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def roc_auc(scores: Array, labels: Array) -> float:
    """How often a sample of class 1 has the higher score than one of class 0, ties counted as half.

    The Mann-Whitney U statistic over the number of pairs (Hanley and McNeil, Radiology 143, 1982, 29-36).

    Args:
        scores: (n,).
        labels: 0 and 1 (n,).

    Returns:
        A share; NaN where one of the classes is missing.
    """
    yes = labels > 0
    positive = int(yes.sum())
    negative = len(labels) - positive
    if not positive or not negative:
        return math.nan
    order, chosen = np.sort(scores), np.sort(scores[yes])
    # Mean rank of ties: halfway between how many are below and how many are not above.
    ranks = (np.searchsorted(order, chosen, "left") + np.searchsorted(order, chosen, "right") + 1) / 2
    return float((ranks.sum() - positive * (positive + 1) / 2) / (positive * negative))


def roc_curve(scores: Array, labels: Array) -> Array:
    """The points of the ROC curve (k, 2), false and true positive rate, a point for each threshold that scores set.

    As scikit-learn's `roc_curve`: samples of one score come in together.

    Args:
        scores: (n,).
        labels: 0 and 1 (n,).

    Returns:
        From (0, 0) to (1, 1); no point where one of the classes is missing.
    """
    order = np.argsort(-scores, kind="stable")
    yes = labels[order] > 0
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)) if len(scores) else np.zeros(0, np.int64)
    right, wrong = yes.cumsum()[ends], (~yes).cumsum()[ends]
    if not len(ends) or not right[-1] or not wrong[-1]:
        return np.zeros((0, 2))
    curve: Array = np.concatenate([np.zeros((1, 2)), np.stack([wrong / wrong[-1], right / right[-1]], axis=1)])
    return curve


def average_precision(scores: Array, labels: Array) -> float:
    """The mean precision over the samples of class 1, at thresholds that each score sets, without interpolation.

    As scikit-learn's `average_precision_score`: samples of one score come in together.

    Args:
        scores: (n,).
        labels: 0 and 1 (n,).

    Returns:
        A share; NaN where no sample is of class 1.
    """
    order, chosen = np.sort(scores), np.sort(scores[labels > 0])
    if not len(chosen):
        return math.nan
    from_here = len(order) - np.searchsorted(order, chosen, "left")
    right = len(chosen) - np.searchsorted(chosen, chosen, "left")
    return float((right / from_here).mean())
