"""What a candidate costs in right answers, judged without labels: by how sure the float model was of what it loses.

Where both models decide the same, nothing is lost. Where they differ, the float model itself says with which
probability each of the two is right; the difference is the expected loss. A decision that flips near a tie costs
little, which a count of flips does not know, and right or wrong labels of single samples add no chance.

It is no better than the float model's probabilities. One that is more often right than it is sure makes the figure too
small: EfficientNet-Lite0 is right on 88 % of 400 photographs, and in the mean sure of 73 %. By PTQ 8 of its decisions
flipped, which cost 4 right answers where 0.4 were expected. So, without labels that could object, a flip is charged
with `FLIP` at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.statistics import bootstrap_interval
from edgeswap.tasks.outputs import Head

Array = npt.NDArray[Any]

# The share of a right answer that a flip costs at least, without labels. Labels showed 0.3 to 0.5 of a right answer for
# a flip of EfficientNet-Lite0, by four ways to quantize, and none for one of MLPerf Tiny's ResNet8.
FLIP = 0.25


def expected_drop(
    heads: Sequence[Head],
    baseline: Sequence[Array],
    candidate: Sequence[Array],
    given: Sequence[Head],
    *,
    flip: float = FLIP,
) -> tuple[float, tuple[float, float]] | None:
    """The expected drop in percentage points with its 95 % interval, of the output that loses most in the mean.

    To the interval one more sample is added, lost at the nearest tie of all samples that were not: that none of a few
    samples flips does not mean that none ever will.

    Args:
        heads: of each output, what its scores mean: `softmax` or `sigmoid`.
        baseline: what the float model gives, (n, ...) for each output.
        candidate: what the other gives, of the same shapes.
        given: how each output ends in the model; `linear` gives logits.
        flip: what a decision that flips costs at least, in right answers.

    Returns:
        None where an output is no scores of classes.
    """
    if any(head == "linear" for head in heads) or not heads:
        return None
    found = []
    for head, ends, first, second in zip(heads, given, baseline, candidate, strict=True):
        probabilities = np.asarray(first, np.float64)
        if ends == "linear":
            probabilities = _softmax(probabilities) if head == "softmax" else 1 / (1 + np.exp(-probabilities))
        lost, margin = (
            _softmax_lost(probabilities, second, flip)
            if head == "softmax"
            else _sigmoid_lost(
                probabilities, second if ends == "sigmoid" else 1 / (1 + np.exp(-np.asarray(second, np.float64))), flip
            )
        )
        each, nearest = lost.reshape(len(lost), -1).mean(axis=1), margin.reshape(len(margin), -1).mean(axis=1)
        unchanged = nearest[each == 0]
        smoothed = np.append(each, unchanged.min() if len(unchanged) else each.max(initial=0.0))
        interval = bootstrap_interval(100 * smoothed, lambda rows: float(rows.mean()))
        found.append((100 * float(each.mean()), interval or (0.0, 100.0)))
    return max(found)


def _softmax(logits: Array) -> Array:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _softmax_lost(probabilities: Array, candidate: Array, flip: float) -> tuple[Array, Array]:
    """What each decision loses, and how far the float model's best class is from its second best."""
    ordered = np.sort(probabilities, axis=-1)
    decided = np.argmax(candidate, axis=-1)
    chosen = np.take_along_axis(probabilities, decided[..., None], axis=-1)[..., 0]
    lost = np.maximum(ordered[..., -1] - chosen, flip)
    same = decided == np.argmax(probabilities, axis=-1)
    return np.where(same, 0.0, lost), ordered[..., -1] - ordered[..., -2]


def _sigmoid_lost(probabilities: Array, candidate: Array, flip: float) -> tuple[Array, Array]:
    margin = np.abs(2 * probabilities - 1)
    return np.where((probabilities > 0.5) == (candidate > 0.5), 0.0, np.maximum(margin, flip)), margin
