"""A model of any task but classes whose metric is poor, and far better with another `--preprocess`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.evaluation.alternatives import BETTER_BY, POOR, preprocessings
from edgeswap.evaluation.scoring import Scores, Scoring, quality
from edgeswap.records import Caution, Quality
from edgeswap.tasks.titles import title

SAMPLES = 64  # each asked up to seven times
POOR_R2 = 0.5
FAR_SMALLER = 0.5  # of an error

Ask = Callable[[Dataset, Preprocess], Scores]


def misread_pixels(
    scoring: Scoring, said: Scores, test: Dataset, preprocess: Preprocess, *, ask: Ask, seed: int
) -> Caution | None:
    """A warning that names the preprocessing with which a poor float model is far better.

    Poor is a share below 0.7, or an error beside an R2 below 0.5. Far better are 15 points more, or half the error.

    Args:
        scoring: the task and its metrics.
        said: of the float model on all test samples.
        test: labelled samples; without labels nothing is doubted.
        preprocess: what the user gave.
        ask: gives the model's scores for a dataset and a preprocessing.
        seed: for the choice of samples.
    """
    if test.labels is None or scoring.primary is None or not _poor(quality(scoring, said)):
        return None
    rows = np.sort(np.random.default_rng(seed).permutation(len(test))[:SAMPLES])
    sample = test.subset(rows)
    mine = quality(scoring, said.subset(rows))
    others = [(how, quality(scoring, ask(data, mapping))) for how, data, mapping in preprocessings(sample, preprocess)]
    told = [(how, found) for how, found in others if found.value is not None]
    if mine.value is None or not told:
        return None
    sign = 1 if mine.higher_is_better else -1
    how, best = max(told, key=lambda item: sign * (item[1].value or 0.0))
    assert best.value is not None
    if mine.unit == "share":
        far = sign * (best.value - mine.value) >= BETTER_BY
    else:
        far = best.value <= FAR_SMALLER * mine.value
    if not far:
        return None
    return Caution(
        kind="poor_float_model",
        problem=f"The float32 model has {title(mine.metric)} {mine.value:.3g} on {len(rows)} test samples; "
        f"with {how} it has {best.value:.3g}.",
        remedy="Pass that if the model was trained that way: all figures here rest on the float32 model's.",
    )


def _poor(found: Quality) -> bool:
    if found.value is None:
        return False
    if found.unit == "share":
        return found.higher_is_better and found.value < POOR
    return not found.higher_is_better and found.metrics.get("r2", 1.0) < POOR_R2
