"""The metrics that are told, the primary one first: those of the task, and functions of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import ConfigError, DataError
from edgeswap.system.user_function import call_function, named_function
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs, mean
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.plain_outputs import PlainOutputs
from edgeswap.tasks.task import Task

SNR = "snr_db"  # what a task without metrics is judged by


def chosen_metrics(task: Task, model: Signature, names: Sequence[str | Callable[..., Any]] = ()) -> tuple[Metric, ...]:
    """The metrics of a task and the user's own; those of `names` come first, in that order.

    Args:
        task: whose metrics may be named.
        model: that has this task.
        names: of metrics, `module:function`, or functions; see `own_metric`.

    Raises:
        ConfigError: an unknown name, or a function that is not there.
    """
    known = {metric.name: metric for metric in task.metrics(model)}
    first: dict[str, Metric] = {}
    for given in names:
        name = given if callable(given) else _of_its_output(given, model)
        if name == SNR and by_fidelity(task):
            continue
        if not callable(name) and name in known:
            metric = known[name]
        elif callable(name) or ":" in name:
            metric = own_metric(name)
        else:
            raise ConfigError(
                f"Expected a metric of --task {task.name}, got {name!r}.",
                f"Choose one of {', '.join([SNR] * by_fidelity(task) + list(known))}, or write MODULE:FUNCTION for one "
                "of your own.",
            )
        first[metric.name] = metric
    return (*first.values(), *(metric for metric in known.values() if metric.name not in first))


def _of_its_output(name: str, model: Signature) -> str:
    """`kind.top1` for a metric that names the output `kind` by another of its names; else as it is."""
    said, dot, own = name.rpartition(".")
    return next((f"{output.name}{dot}{own}" for output in model.outputs if said in output.also), name)


def by_fidelity(task: Task, names: Sequence[str | Callable[..., Any]] = ()) -> bool:
    """Whether models of a task are judged by the signal-to-noise ratio: unless the user names another metric first."""
    return isinstance(task, PlainOutputs) and (not names or names[0] == SNR)


def own_metric(given: str | Callable[..., Any]) -> Metric:
    """A function of the user's own as a metric.

    It is called as `function(outputs, labels)` with the list of the model's outputs, arrays (n, ...) of real values,
    and the labels as the task takes them. It returns an array (n,), whose mean is the metric, or one number for all n
    samples. For the second kind the outputs of all samples are kept in memory. Higher is better, unless the function
    has an attribute `higher_is_better = False`.

    Args:
        given: `module:function`, or the function.

    Raises:
        ConfigError: there is no such function.
    """
    name, function = named_function(given)

    def called(outputs: Outputs, labels: Labels) -> npt.NDArray[np.float64]:
        found = np.asarray(call_function(name, function, list(outputs), labels))
        if found.dtype.kind not in "buif" or found.shape not in ((), (len(outputs[0]),)):
            raise DataError(
                f"Expected one number, or one for each of {len(outputs[0])} samples, from the metric {name}, got "
                f"{found.dtype} of shape {found.shape}.",
                "Return an array of as many numbers as there are samples, or a single one.",
            )
        return found.astype(np.float64)

    def parts(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
        found = called(outputs, labels)
        return found if found.ndim else _rows(outputs, labels)

    def value(parts: npt.NDArray[Any]) -> float:
        return mean(parts) if parts.dtype != np.object_ else float(called(*_joined(parts)))

    return Metric(name, "none", getattr(function, "higher_is_better", True), parts, value, own=True)


def _rows(outputs: Outputs, labels: Labels) -> npt.NDArray[Any]:
    """Outputs and labels of each sample, (n,) objects."""
    rows = np.empty(len(outputs[0]), np.object_)
    for i in range(len(rows)):
        told = {key: each[i] for key, each in labels.items()} if isinstance(labels, Mapping) else labels[i]
        rows[i] = ([output[i] for output in outputs], told)
    return rows


def _joined(rows: npt.NDArray[Any]) -> tuple[list[npt.NDArray[Any]], Labels]:
    outputs = [np.stack(each) for each in zip(*(row[0] for row in rows), strict=True)]
    labels = [row[1] for row in rows]
    if isinstance(labels[0], Mapping):
        return outputs, {key: np.stack([label[key] for label in labels]) for key in labels[0]}
    return outputs, np.stack(labels)
