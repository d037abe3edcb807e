"""Training on the training samples as the app will see them: of recovery, of QAT and of its control."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from edgeswap.data.dataset import Dataset, evenly_spaced
from edgeswap.data.splits import VALIDATION_SAMPLES, Splits
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.scoring import Scoring
from edgeswap.graph.ir import Graph
from edgeswap.progress import Progress
from edgeswap.records import TrainingRun
from edgeswap.store.epochs import StoredEpochs
from edgeswap.store.forms import TRAINED, Weights, weights_from_bytes, weights_to_bytes
from edgeswap.store.keys import trained_weights
from edgeswap.store.run_store import RunStore
from edgeswap.system.user_function import call_function, named_function
from edgeswap.training.best_epoch import Epochs, Judges
from edgeswap.training.fit import OwnLoss, train, with_weights
from edgeswap.training.replicas import StrategyName
from edgeswap.training.strategy import begin

# A swap moves the function far, so recovery may go far; QAT and its control begin near where they should end.
RECOVERY_LEARNING_RATE = 1e-3
QAT_LEARNING_RATE = 1e-4


class FineTuned(NamedTuple):
    """A trained copy of a model, how it was trained, and whether the run store has it."""

    model: Any
    run: TrainingRun
    stored: bool


def fine_tune(
    model: Any,
    splits: Splits,
    scoring: Scoring,
    *,
    title: str,
    stage: Literal["float32_recovered", "float32_finetuned", "int8"],
    epochs: int,
    learning_rate: float,
    seed: int,
    teacher: Any,
    loss: Any = None,
    epoch: int | None = None,
    batch_norm: Literal["frozen", "updated"] = "frozen",
    batch_size: int,
    strategy: StrategyName | None,
    made_of: Any,
    taught_by: Graph,
    store: RunStore,
    progress: Progress,
) -> FineTuned:
    """A copy of `model` trained on the training samples of `splits`; for the rest see `edgeswap.training.fit.train`.

    The epoch that is kept is the best on the validation samples by the loss that is trained. A task's metric would be
    coarse on so few, and needs labels. Where the training samples are too few to lose any, they judge the epochs
    themselves: that tells training that harms, not what is learned by heart. The float model's outputs alone would tell
    that, but praise the start even where labels make the network better. With an `epoch`, that one is kept instead.

    What `store` has from an earlier run is not trained again: `made_of` is what the model was built from, and
    `taught_by` the graph of the teacher. With several machines the store of the chief counts for all.

    Raises:
        WorkerError: another machine of the `strategy` is gone.
    """
    replicas = begin(strategy)
    data, judging = splits.train, splits.validation
    assert data is not None  # the config refuses training without data

    def targets(of: Dataset) -> Any:
        return None if of.labels is None else scoring.task.targets(of.labels, scoring.model)

    judged_by = _some(data) if judging is None else judging
    wanted, judged_wanted = targets(data), targets(judged_by)
    how: Literal["candidate", "training", "validation"] = (
        "candidate" if epoch is not None else "training" if judging is None else "validation"
    )
    key = store.key(
        trained_weights(
            start=made_of,
            teacher=taught_by,
            train=data,
            targets=wanted,
            judges=judged_by,
            judge_targets=judged_wanted,
            preprocess=splits.preprocess,
            representative=splits.representative,
            heads=scoring.heads,
            loss=None if loss is None else named_function(loss)[1],
            epochs=epochs,
            learning_rate=learning_rate,
            seed=seed,
            epoch=epoch,
            batch_norm=batch_norm,
            batch_size=batch_size,
            replicas=replicas.name,
            judged_on=how,
            stage=stage,
        )
    )
    if not replicas.is_chief:
        key = None
    found = store.find(key, TRAINED)
    if replicas.name is not None:
        found = weights_from_bytes(replicas.from_chief(weights_to_bytes(found)))
    if found is not None:
        with progress.step(f"{title}: stored"):
            return FineTuned(with_weights(model, found.weights), found.run, True)
    checkpoints = None if key is None else StoredEpochs(store, key, epochs)
    trained = train(
        model,
        read=lambda indices: model_inputs(data, splits.preprocess, indices, as_app=True),
        count=len(data),
        labels=wanted,
        epochs=epochs,
        learning_rate=learning_rate,
        seed=seed,
        batch_size=batch_size,
        teacher=teacher,
        heads=scoring.heads,
        own_loss=_own(loss),
        judges=Judges(
            lambda indices: model_inputs(judged_by, splits.preprocess, indices, as_app=True),
            len(judged_by),
            judged_wanted or {},
            epoch,
        ),
        checkpoints=checkpoints,
        batch_norm=batch_norm,
        replicas=replicas,
        title=title,
        progress=progress,
    )
    assert trained.epochs is not None  # there are judges
    run = _record(trained.epochs, stage, how, len(judged_by))
    stored = store.keep(key, TRAINED, Weights(trained.model.get_weights(), run))
    if checkpoints is not None and stored:
        checkpoints.done()
    return FineTuned(trained.model, run, stored)


def _some(data: Dataset) -> Dataset:
    """The training samples, or as many of them, evenly spaced, as validation samples could be."""
    most = VALIDATION_SAMPLES[-1]
    return data if len(data) <= most else data.subset(evenly_spaced(len(data), most))


def _record(
    epochs: Epochs,
    stage: Literal["float32_recovered", "float32_finetuned", "int8"],
    judged_on: Literal["candidate", "training", "validation"],
    samples: int,
) -> TrainingRun:
    return TrainingRun(
        model=stage,
        epochs=epochs.planned,
        epochs_trained=len(epochs.losses) - 1,
        best_epoch=epochs.best,
        judged_on=judged_on,
        samples=samples,
        losses=[loss if math.isfinite(loss) else None for loss in epochs.losses],
    )


def _own(loss: Any) -> OwnLoss | None:
    """The user's loss, whose faults are told as such."""
    if loss is None:
        return None
    name, function = named_function(loss)
    return lambda outputs, taught, labels: call_function(name, function, outputs, taught, labels)
