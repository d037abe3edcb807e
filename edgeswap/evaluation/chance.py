"""A float model that seems to know nothing of the samples: a wrong preprocessing, or another order of classes."""

from __future__ import annotations

from edgeswap.errors import DataError
from edgeswap.evaluation.alternatives import Alternative
from edgeswap.records import Caution, Quality

FEW = 50
SHARES_OF_RIGHT = ("top1", "accuracy")


def near_chance(found: Quality, classes: int | None) -> bool:
    """Whether a model seems to know nothing of the data: the 95 % interval of top-1 reaches down to 1 / classes.

    Only a classifier's share of right samples has such a chance.
    """
    if classes is None or classes < 2 or found.metric not in SHARES_OF_RIGHT:
        return False
    return found.ci95 is not None and found.ci95[0] <= 1 / classes


def require_above_chance(found: Quality, classes: int | None, better: Alternative | None = None) -> None:
    """Stop a run whose float model knows nothing of the data.

    Args:
        found: of the float model on the test samples.
        classes: how many it tells apart; None where it tells none.
        better: another way to read the data with which it is far better, for the remedy.

    Raises:
        DataError: the 95 % interval of top-1 reaches down to 1 / classes.
    """
    if not near_chance(found, classes):
        return
    assert found.value is not None
    assert classes is not None
    problem = (
        f"Expected a trained model, but the float32 model is right on {found.value:.1%} of {found.samples} test "
        f"samples, and chance is {1 / classes:.1%}."
    )
    if better is not None:
        raise DataError(problem, f"Check what the model was trained with: {better}.")
    few = "" if found.samples >= FEW else ", or give more test samples: these are too few to tell skill from luck"
    raise DataError(
        problem, f"Check --preprocess (the training must have used the same) and the order of the classes{few}."
    )


def poor_float_model(found: Quality, better: Alternative) -> Caution:
    """The warning about a float32 model that another way to read the data makes far better."""
    assert found.value is not None
    return Caution(
        kind="poor_float_model",
        problem=f"The float32 model is right on {found.value:.1%} of {found.samples} test samples; {better}.",
        remedy="Pass that if the model was trained that way: all figures here rest on the float32 model's.",
    )
