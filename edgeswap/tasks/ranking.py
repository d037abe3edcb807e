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
