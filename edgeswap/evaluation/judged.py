"""What models of a run are scored by, judged from the model and its samples, which then get labels of that task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from edgeswap.data.dataset import Dataset
from edgeswap.evaluation.scoring import Scoring
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.own_metric import by_fidelity, chosen_metrics
from edgeswap.tasks.registry import judge


class JudgedScoring(NamedTuple):
    """The task with its metrics, and why it is this one."""

    scoring: Scoring
    reason: str


def judged_scoring(
    model: Signature,
    labelled: Dataset | None,
    *,
    named: str | None,
    metrics: Sequence[str | Callable[..., Any]],
    decode: str | Callable[..., Any] | None,
) -> JudgedScoring:
    """The scoring of a model.

    Args:
        model: what it takes and gives.
        labelled: samples whose labels, as the data hold them, tell the task; None without labels.
        named: the task that the user named.
        metrics: those that the user named.
        decode: what makes boxes of the outputs.

    Raises:
        ConfigError: the named task is none for this model, two tasks fit, or a metric is unknown.
        DataError: the labels are none of a task that the model can have.
    """
    labels = None if labelled is None else labelled.labels
    by_folder = labelled is not None and labelled.labels_by_name
    found = judge(model, labels, by_folder=by_folder, named=named, decode=decode)
    chosen = chosen_metrics(found.task, model, metrics)
    return JudgedScoring(Scoring(found.task, model, chosen, by_fidelity=by_fidelity(found.task, metrics)), found.reason)


def with_labels_of(scoring: Scoring, dataset: Dataset) -> Dataset:
    """The dataset with its labels as the task takes them; one without labels as it is.

    Raises:
        DataError: they are not labels of this task, or not for this model.
    """
    if dataset.labels is None:
        return dataset
    return dataset.with_labels(scoring.task.labels(dataset.labels, scoring.model, len(dataset), dataset.source))
