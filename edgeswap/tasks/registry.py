"""The tasks that there are, and which of them is a model's."""

from __future__ import annotations

from edgeswap.errors import ConfigError
from edgeswap.tasks.binary import Binary
from edgeswap.tasks.classification import Classification
from edgeswap.tasks.plain_outputs import PlainOutputs
from edgeswap.tasks.regression import Regression
from edgeswap.tasks.task import Task

# In the order in which they are asked whether they fit; the last one always does.
TASKS: tuple[Task, ...] = (Classification(), Binary(), Regression(), PlainOutputs())


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
