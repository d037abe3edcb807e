"""Which task a model has: judged from its outputs and the labels, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgeswap.errors import ConfigError, DataError
from edgeswap.tasks.detection import Detection, are_boxes
from edgeswap.tasks.label_array import beyond_a_sigmoid, described, looked_at
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.plain_outputs import PlainOutputs, only
from edgeswap.tasks.reconstruction import Reconstruction
from edgeswap.tasks.registry import TASKS, task_named
from edgeswap.tasks.task import Task


@dataclass(frozen=True)
class Judged:
    """What a model is for.

    Attributes:
        task: its task.
        reason: why it is that one, in words that follow its name, such as "one softmax output of 10 classes".
    """

    task: Task
    reason: str


def judge(
    model: Signature,
    labels: Any | None,
    *,
    by_folder: bool,
    named: str | None = None,
    decode: str | Callable[..., Any] | None = None,
) -> Judged:
    """The task of a model: the one that is named, or the only one that fits to its outputs and the labels.

    Args:
        model: what it takes and gives.
        labels: as the data hold them: an array (N, ...), a dict of such by output name, or None.
        by_folder: whether labels were names of classes.
        named: by `--task`, or None.
        decode: `module:function`, or a function, that makes boxes of outputs; only for detection.

    Raises:
        ConfigError: the named task is none for this model, or two tasks fit.
        DataError: the labels are none of a task that the model can have, or they are boxes without a `decode`.
    """
    if decode is not None:
        if named not in (None, "detection"):
            raise ConfigError(
                f"Expected --decode only for --task detection, got it for --task {named}.", "Leave out one of the two."
            )
        return Judged(Detection(decode), "--decode is given")
    if named is not None:
        task = task_named(named)
        if not task.can_be(model):
            raise ConfigError(
                f"Expected {task.needs} for --task {named}, got {_outputs(model)}.",
                f"Choose one of {', '.join(task.name for task in TASKS if task.can_be(model))}.",
            )
        return _seeing(Judged(task, f"--task {named}"), model, labels)
    *tasks, plain = TASKS
    fit = [
        Judged(task, reason)
        for task in tasks
        if task.can_be(model) and (reason := task.fits(model, labels, by_folder=by_folder)) is not None
    ]
    if [one.task.name for one in fit] == ["regression"]:
        _require_reached(labels, model)
    if len(fit) > 1:
        raise ConfigError(
            f"Expected outputs and labels that fit one task, got {' and '.join(one.task.name for one in fit)}: "
            f"{fit[0].reason}.",
            f"Say which it is: {' or '.join(f'--task {one.task.name}' for one in fit)}.",
        )
    if are_boxes(labels):
        raise DataError(
            f"Expected --decode MODULE:FUNCTION for labels that are boxes, got none for {_outputs(model)}.",
            "Write a function that makes boxes, scores and classes of the outputs, or pass --task outputs.",
        )
    if fit:
        return _seeing(fit[0], model, labels)
    reason = plain.fits(model, labels, by_folder=by_folder)
    if reason is None:
        possible = ", ".join(task.name for task in tasks if task.can_be(model))
        raise DataError(
            f"Expected labels that tell what the model is for, got {described(labels)} for {_outputs(model)}"
            f"{_mismatch(labels, model)}.",
            "Correct the labels, or pass --task outputs, which compares the outputs without labels"
            + (f"; with other labels the model could be for {possible}." if possible else "."),
        )
    return _seeing(Judged(plain, reason), model, labels)


def _seeing(found: Judged, model: Signature, labels: Any | None) -> Judged:
    """The task for the labels that there are, where its metrics depend on them."""
    if isinstance(found.task, Reconstruction):
        return Judged(found.task.seeing(model, labels), found.reason)
    if isinstance(found.task, PlainOutputs) and isinstance(labels, Mapping):
        return _with_tasks_of_outputs(found, found.task, model, labels)
    return found


def _with_tasks_of_outputs(found: Judged, task: PlainOutputs, model: Signature, labels: Mapping[str, Any]) -> Judged:
    """Several outputs, each judged as a model of its own is; one whose labels fit no one task stays without."""
    each, said = [], []
    for output in model.outputs:
        if (given := output.named_in(labels)) is None:
            continue
        one = only(model, output.name)
        try:
            own = judge(one, {output.name: labels[given]}, by_folder=False)
        except (ConfigError, DataError):
            said.append(f"labels of {output.name!r} fit no one task and are left to a metric of your own")
            continue
        each.append((output.name, own.task))
        said.append(f"{output.name!r} also by the metrics of {own.task.name}: {own.reason}")
    if not said:
        return found
    reason = found.reason.partition(";")[0]
    return Judged(replace(task, each=tuple(each)), "; ".join([reason, *said]))


def _require_reached(labels: Any, model: Signature) -> None:
    """Refuse yes and no in numbers that a sigmoid does not reach: as a regression they would never be met.

    Raises:
        DataError: labels are such.
    """
    values = beyond_a_sigmoid(labels, model)
    if values is not None:
        low, high = (f"{value:.6g}" for value in values)
        raise DataError(
            f"Expected labels of 0 and 1 for a sigmoid, got only {low} and {high} for {_outputs(model)}.",
            f"Map {low} to 0 and {high} to 1, or pass --task regression if these values are meant.",
        )


def _mismatch(labels: Any, model: Signature) -> str:
    """What of labels does not fit the one output; empty where more than their sizes and class numbers has to fit."""
    y = looked_at(labels, model)
    if y is None or len(model.outputs) != 1 or y.dtype.kind not in "uif" or not y.size:
        return ""
    shape = model.outputs[0].shape
    sizes = [size for size in y.shape[1:] if size != 1]
    whole, places = ([size for size in of if size != 1] for of in (shape, shape[:-1]))
    if sizes not in (whole, places):
        return f": a label has the shape {y.shape[1:]}, and the output {shape}"
    classes = max(shape[-1], 2)
    if sizes == places and (y % 1 == 0).all() and (y.min() < 0 or y.max() >= classes):
        return f": classes are numbered from 0 to {classes - 1}"
    return ""


def _outputs(model: Signature) -> str:
    each = [f"{output.name!r} {output.head} (N, {', '.join(map(str, output.shape))})" for output in model.outputs]
    return f"{'output' if len(each) == 1 else 'outputs'} {', '.join(each[:3])}" + (", ..." if len(each) > 3 else "")
