"""What models of a run are scored by, judged from the model and its samples, which then get labels of that task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from edgeswap.data.dataset import Dataset
from edgeswap.data.unlike_samples import require_unlike_values
from edgeswap.errors import DataError
from edgeswap.evaluation.scoring import Scoring
from edgeswap.tasks.judge import judge
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.own_metric import by_fidelity, chosen_metrics
from edgeswap.tasks.plain_outputs import PlainOutputs

OF_VALUES = ("regression", "reconstruction")  # tasks whose labels are values of an output


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
        DataError: the labels are none of a task that the model can have, or of an output that it does not have.
    """
    if labelled is not None:
        _require_outputs_of_labels(labelled, model)
    labels = None if labelled is None else labelled.labels
    by_folder = labelled is not None and labelled.labels_by_name
    found = judge(model, labels, by_folder=by_folder, named=named, decode=decode)
    chosen = chosen_metrics(found.task, model, metrics)
    return JudgedScoring(Scoring(found.task, model, chosen, by_fidelity=by_fidelity(found.task, metrics)), found.reason)


def _require_outputs_of_labels(labelled: Dataset, model: Signature) -> None:
    """Refuse labels that name an output which the model does not have, or one twice: no task would ever look at them.

    Raises:
        DataError: one does.
    """
    if not isinstance(labelled.labels, Mapping):
        return
    meant = {name: [each.name for each in model.outputs if each.named_in([name])] for name in labelled.labels}
    if unknown := [name for name, found in meant.items() if not found]:
        known = [" or ".join((output.name, *output.also)) for output in model.outputs]
        raise DataError(
            f"Expected labels of the outputs {', '.join(known)} in {labelled.source}, got some of {unknown[0]!r}.",
            "Name each array of labels y_ and the name of its output; from Python give a dict by these names.",
        )
    each = [found[0] for found in meant.values()]
    if twice := [name for name in meant if each.count(meant[name][0]) > 1]:
        raise DataError(
            f"Expected labels of each output once in {labelled.source}, got {' and '.join(map(repr, twice[:2]))} for "
            "one output.",
            "Leave one of the two out.",
        )


def with_labels_of(scoring: Scoring, dataset: Dataset) -> Dataset:
    """The dataset with its labels as the task takes them; one without labels as it is.

    Raises:
        DataError: they are not labels of this task, or not for this model.
    """
    if dataset.labels is None:
        return dataset
    return dataset.with_labels(scoring.task.labels(dataset.labels, scoring.model, len(dataset), dataset.source))


def require_unlike_labels(scoring: Scoring, dataset: Dataset, *, role: str) -> None:
    """Refuse labels that are values of an output, and the same in every sample.

    Args:
        scoring: judged from model and data.
        dataset: with labels of the task, or without.
        role: what its labels are for, such as `test`.

    Raises:
        DataError: they are.
    """
    labels, task = dataset.labels, scoring.task
    each = task.each if isinstance(task, PlainOutputs) else ((task.name, task),)
    for name, one in each:
        found = labels.get(name) if isinstance(labels, Mapping) else labels
        if one.name in OF_VALUES and isinstance(found, np.ndarray) and found.dtype.kind == "f":
            require_unlike_values(found, dataset, role=role, output=name if one is not task else "")
