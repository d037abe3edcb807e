"""The tasks that there are."""

from __future__ import annotations

from edgeswap.errors import ConfigError
from edgeswap.tasks.binary import Binary
from edgeswap.tasks.classification import Classification
from edgeswap.tasks.detection import Detection
from edgeswap.tasks.multilabel import MultiLabel
from edgeswap.tasks.plain_outputs import PlainOutputs
from edgeswap.tasks.reconstruction import Reconstruction
from edgeswap.tasks.regression import Regression
from edgeswap.tasks.segmentation import Segmentation
from edgeswap.tasks.task import Task

# At most one of them fits to most models and labels; where two do, the user says which.
TASKS: tuple[Task, ...] = (
    Classification(),
    Binary(),
    MultiLabel(),
    Segmentation(),
    Regression(),
    Reconstruction(),
    Detection(),
    PlainOutputs(),
)


def task_named(name: str) -> Task:
    """The task that `--task` names.

    Raises:
        ConfigError: there is none of that name.
    """
    for task in TASKS:
        if task.name == name:
            return task
    raise ConfigError(
        f"Expected a task, got {name!r}.", f"Choose one of {', '.join(sorted(task.name for task in TASKS))}."
    )
