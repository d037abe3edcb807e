"""Training on the training samples as the app will see them: of recovery, of QAT and of its control."""

from __future__ import annotations

from typing import Any, Literal

from edgeswap.data.splits import Splits
from edgeswap.evaluation.predictions import model_inputs
from edgeswap.evaluation.scoring import Scoring
from edgeswap.progress import Progress
from edgeswap.system.user_function import call_function, named_function
from edgeswap.training.fit import OwnLoss, train

# A swap moves the function far, so recovery may go far; QAT and its control begin near where they should end.
RECOVERY_LEARNING_RATE = 1e-3
QAT_LEARNING_RATE = 1e-4


def fine_tune(
    model: Any,
    splits: Splits,
    scoring: Scoring,
    *,
    title: str,
    epochs: int,
    learning_rate: float,
    seed: int,
    teacher: Any,
    loss: Any = None,
    batch_norm: Literal["frozen", "updated"] = "frozen",
    progress: Progress,
) -> Any:
    """A copy of `model` trained on the training samples of `splits`; for the rest see `edgeswap.training.fit.train`."""
    data = splits.train
    assert data is not None  # the config refuses training without data
    return train(
        model,
        read=lambda indices: model_inputs(data, splits.preprocess, indices, as_app=True),
        count=len(data),
        labels=None if data.labels is None else scoring.task.targets(data.labels, scoring.model),
        epochs=epochs,
        learning_rate=learning_rate,
        seed=seed,
        teacher=teacher,
        heads=scoring.heads,
        own_loss=_own(loss),
        batch_norm=batch_norm,
        title=title,
        progress=progress,
    )


def _own(loss: Any) -> OwnLoss | None:
    """The user's loss, whose faults are told as such."""
    if loss is None:
        return None
    name, function = named_function(loss)
    return lambda outputs, taught, labels: call_function(name, function, outputs, taught, labels)
