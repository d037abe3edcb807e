"""Each small network of the zoo by PTQ: its task is judged, it is full-integer, and it is like float32."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

import edgeswap
from edgeswap.training import zoo_recipe
from edgeswap.training.zoo_recipe import RECIPES

TASKS = {
    "autoencoder": "reconstruction",
    "keypoints": "regression",
    "two_outputs": "outputs",
    "two_digits": "multilabel",
    "unet": "segmentation",
    "ssd": "detection",
}
LEAST_SNR_DB = 20.0  # of an int8 network with ranges from 64 samples; broken ones are below 10 dB


# On CI test_any_network.py and the tests of tasks export a smaller network of each task, two outputs among them.
NAMES = [pytest.param(name, marks=pytest.mark.rare) for name in RECIPES]


@cache
def exported(name: str) -> Any:
    """What PTQ makes of the network with its starting weights, which show as much of int8 as trained ones."""
    recipe = RECIPES[name]
    return edgeswap.export(
        recipe.build(seed=0),
        data=tuple(recipe.samples("digits", 64, 0)),
        test_data=tuple(recipe.samples("digits/test", 48, 0)),
        preprocess=zoo_recipe.PREPROCESS,
        method="ptq",
        **recipe.options,
    ).report


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_ptq_of_each_is_full_integer_and_like_float32(name: str) -> None:
    report = exported(name)
    assert report.task.name == TASKS[name]
    assert report.int8.float_tensors == 0
    assert len(report.comparison.outputs) == len(RECIPES[name].losses)
    assert all(output.snr_db > LEAST_SNR_DB for output in report.comparison.outputs)


CLASS_METRICS = {"two_digits": "average_precision", "unet": "iou", "ssd": "average_precision"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_report_of_each_speaks_the_language_of_its_task(name: str) -> None:
    found = exported(name).comparison
    assert found.class_metric == CLASS_METRICS.get(name)
    assert 1 <= len(found.worst_samples) <= 8
    if name == "autoencoder":
        assert found.roc is not None
    if name == "keypoints":
        assert len(found.errors.points) == 200
    if name == "two_outputs":
        assert found.metric.endswith("right")


@pytest.mark.slow
@pytest.mark.rare
def test_outputs_with_labels_have_the_metrics_of_their_tasks() -> None:
    metrics = exported("two_outputs").int8.quality.metrics
    assert {"digit.top1", "digit.macro_f1", "digit.top5", "place.mae", "place.rmse", "place.r2"} <= metrics.keys()
