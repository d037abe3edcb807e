"""What `export` of a Keras model, or `bench` of a `.tflite`, takes the model for before it sees labels."""

from __future__ import annotations

from edgeswap.compatibility.findings import LikelyTask, TaskLabels
from edgeswap.errors import ConfigError
from edgeswap.tasks.judge import judge
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.own_metric import SNR
from edgeswap.tasks.reconstruction import is_signal
from edgeswap.tasks.registry import TASKS
from edgeswap.tasks.task import Task


def task_without_labels(model: Signature) -> LikelyTask | None:
    """The task of a model without labels, and those that it can have with labels.

    Args:
        model: what it takes and gives; None is the answer for one without outputs.
    """
    if not model.outputs:
        return None
    try:
        judged = judge(model, None, by_folder=False)
    except ConfigError as error:  # two tasks fit
        both = [
            task for task in TASKS[:-1] if task.can_be(model) and task.fits(model, None, by_folder=False) is not None
        ]
        return LikelyTask(task=None, reason=error.problem, metric=None, needs=[error.remedy], others=_labels_of(*both))
    task = judged.task
    first = next(iter(task.metrics(model)), None)
    others = [
        other
        for other in TASKS
        if other.name not in (task.name, "outputs")
        and (other.can_be(model) or _may_be_boxes(other, model, task))
        and (other.name != "reconstruction" or is_signal(model))
    ]
    return LikelyTask(
        task=task.name,
        reason=judged.reason,
        metric=SNR if first is None else first.name,
        needs=[f"labels: {task.takes}"] if first is not None and first.needs_labels else [],
        others=_labels_of(*others),
    )


def _may_be_boxes(other: Task, model: Signature, judged: Task) -> bool:
    """A detector has several outputs, or a row of numbers for each box, and no head that says anything else."""
    shaped = len(model.outputs) > 1 or len(model.outputs[0].shape) == 2
    return other.name == "detection" and judged.name == "outputs" and shaped


def _labels_of(*tasks: Task) -> list[TaskLabels]:
    options = {"detection": "--decode MODULE:FUNCTION"}
    return [TaskLabels(task=task.name, labels=task.takes, option=options.get(task.name)) for task in tasks]
