"""Every metric has a name for sentences, and no name is left over."""

from __future__ import annotations

from edgeswap.tasks.detection import Detection
from edgeswap.tasks.own_metric import SNR
from edgeswap.tasks.reconstruction import Reconstruction
from edgeswap.tasks.registry import TASKS
from edgeswap.tasks.titles import TITLES, title, unit
from tests.signatures import signature

OF_CLASSES = ("recall", "average_precision", "iou")
MODELS = (
    signature((10,), "softmax"),
    signature((10,), "sigmoid"),
    signature((1,), "sigmoid"),
    signature((4,)),
    signature((32, 32, 3), "softmax"),
)


def test_every_metric_of_a_task_has_a_title_and_no_other() -> None:
    tasks = (*TASKS, Detection(len), Reconstruction("anomalies"))
    found = {
        metric.name: metric.unit
        for task in tasks
        for model in MODELS
        if task.can_be(model)
        for metric in task.metrics(model)
    }
    assert {*found, SNR, *OF_CLASSES} == TITLES.keys()
    assert {name: unit(name) for name in found} == found


def test_a_metric_of_one_output_is_called_after_both() -> None:
    assert (title("digit.top1"), unit("digit.top1")) == ("digit top-1", "share")
    assert (title("a.b.mae"), unit("a.b.mae")) == ("a.b mean absolute error", "label")
    assert (title("my.metrics:worst"), unit("my.metrics:worst")) == ("worst", "none")


def test_a_metric_of_ones_own_is_called_as_its_function() -> None:
    assert title("metrics:worst_error") == "worst_error"
    assert title("worst_error") == "worst_error"
