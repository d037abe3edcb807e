"""int8 against float32 on the same samples: intervals and a paired test."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.records import Comparison
from edgeswap.statistics import mcnemar_exact, paired_difference_interval

Classes = npt.NDArray[np.integer[Any]]


def compare(
    labels: Classes | None,
    baseline_predictions: Classes,
    candidate_predictions: Classes,
    *,
    baseline_size_bytes: int,
    candidate_size_bytes: int,
    control_predictions: Classes | None = None,
) -> Comparison:
    """Compare the int8 candidate with the float32 baseline.

    Args:
        labels: (samples,) true classes; None where there are none.
        baseline_predictions: (samples,) classes that the float32 model gave.
        candidate_predictions: (samples,) classes that the int8 model gave for the same samples.
        baseline_size_bytes: of the float32 file.
        candidate_size_bytes: of the int8 file.
        control_predictions: (samples,) classes of the float model that was trained on as long as the int8 one.

    Raises:
        ValueError: the arrays are empty or of different lengths.
    """
    given = [labels, baseline_predictions, candidate_predictions, control_predictions]
    lengths = {len(array) for array in given if array is not None}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"Expected arrays of one length above 0, got {sorted(lengths)}.")
    agreement = float(np.mean(baseline_predictions == candidate_predictions))
    size_ratio = baseline_size_bytes / candidate_size_bytes
    if labels is None:
        return Comparison(
            top1_drop=None,
            top1_drop_ci95=None,
            top1_agreement=agreement,
            mcnemar_p=None,
            size_ratio=size_ratio,
        )
    lost, gained = _discordant(labels, baseline_predictions, candidate_predictions)
    n = len(labels)
    low, high = paired_difference_interval(lost, gained, n)
    control_drop = None
    if control_predictions is not None:
        control_lost, control_gained = _discordant(labels, control_predictions, candidate_predictions)
        control_drop = 100 * (control_lost - control_gained) / n
    return Comparison(
        top1_drop=100 * (lost - gained) / n,
        top1_drop_ci95=(100 * low, 100 * high),
        top1_agreement=agreement,
        mcnemar_p=mcnemar_exact(lost, gained),
        size_ratio=size_ratio,
        control_drop=control_drop,
    )


def _discordant(labels: Classes, first: Classes, second: Classes) -> tuple[int, int]:
    right_first, right_second = first == labels, second == labels
    return int(np.count_nonzero(right_first & ~right_second)), int(np.count_nonzero(~right_first & right_second))
