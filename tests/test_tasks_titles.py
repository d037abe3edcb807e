"""Every metric has a name for sentences, and no name is left over."""

from __future__ import annotations

from edgeswap.tasks.detection import Detection
from edgeswap.tasks.own_metric import SNR
from edgeswap.tasks.reconstruction import Reconstruction
from edgeswap.tasks.registry import TASKS
from edgeswap.tasks.titles import TITLES, title
from tests.signatures import signature

MODELS = (
    signature((10,), "softmax"),
    signature((10,), "sigmoid"),
    signature((1,), "sigmoid"),
    signature((4,)),
    signature((32, 32, 3), "softmax"),
)


def test_every_metric_of_a_task_has_a_title_and_no_other() -> None:
    tasks = (*TASKS, Detection(len), Reconstruction("anomalies"))
    names = {metric.name for task in tasks for model in MODELS if task.can_be(model) for metric in task.metrics(model)}
    assert names | {SNR} == TITLES.keys()


def test_a_metric_of_ones_own_is_called_as_its_function() -> None:
    assert title("metrics:worst_error") == "worst_error"
    assert title("worst_error") == "worst_error"
