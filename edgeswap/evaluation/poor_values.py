"""A float model whose outputs do not fit their labels, where no share of right answers tells it."""

from __future__ import annotations

import numpy as np

from edgeswap.evaluation.scoring import Scores, Scoring
from edgeswap.records import Caution
from edgeswap.statistics import mcnemar_exact
from edgeswap.tasks.binary import Binary
from edgeswap.tasks.reconstruction import Reconstruction
from edgeswap.tasks.regression import Regression

FEW_POINTS = 0.02
SURE = 0.01


def misread_values(scoring: Scoring, said: Scores, labels: object) -> Caution | None:
    """A warning where the float model seems to be meant otherwise than its task reads it.

    - A binary model without a sigmoid, whose output is read as a logit, is right on far more samples if one half is the
      border, as of a model that was trained towards 0 and 1 by squared errors.
    - A regressor, or an image model, is further from its labels than their mean is: R2 is below 0.

    Args:
        scoring: the task, and what the model gives.
        said: scores of the float model on the test samples.
        labels: of these, as the task takes them; None where there are none.
    """
    if isinstance(scoring.task, Binary) and scoring.model.outputs[0].head == "linear" and "auc" in said.parts:
        return _no_logit(*said.parts["auc"].T)
    if labels is None or not isinstance(scoring.task, Regression | Reconstruction):
        return None
    wanted = np.asarray(labels, np.float64)
    error = _squared_error(said)
    if error is None or wanted.shape[1:] != scoring.model.outputs[0].shape:
        return None
    spread = float(np.square(wanted - wanted.mean(axis=0)).mean())
    if error <= spread:
        return None
    return Caution(
        kind="poor_float_model",
        problem=f"The float32 model is further from the labels than their mean is: its mean squared error on "
        f"{said.samples} test samples is {error:.3g}, and that of the mean {spread:.3g}.",
        remedy="Check --preprocess (the training must have used the same), and that labels have the scale of the "
        "outputs; all figures here rest on the float32 model's.",
    )


def _squared_error(said: Scores) -> float | None:
    for name in ("rmse", "mse"):
        if name in said.parts:
            return float(np.mean(said.parts[name]))
    return None


def _no_logit(scores: object, labels: object) -> Caution | None:
    given, wanted = np.asarray(scores), np.asarray(labels) == 1
    as_logit, as_value = (given > 0) == wanted, (given > 0.5) == wanted
    worse, better = int((as_logit & ~as_value).sum()), int((as_value & ~as_logit).sum())
    if better - worse <= FEW_POINTS * len(wanted) or mcnemar_exact(worse, better) > SURE:
        return None
    return Caution(
        kind="no_logit",
        problem=f"The output is read as a logit, yes above 0, and is right on {as_logit.mean():.1%} of {len(wanted)} "
        f"test samples; with yes above 0.5 it would be right on {as_value.mean():.1%}.",
        remedy="If the model was trained towards the values 0 and 1, end it in a sigmoid and train again, or pass "
        "--task regression.",
    )
