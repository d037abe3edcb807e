"""Which task is judged of outputs and labels, and what is told where none or two fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeswap.errors import ConfigError, DataError
from edgeswap.tasks.judge import judge
from edgeswap.tasks.outputs import ModelOutput, Signature
from edgeswap.tasks.registry import TASKS, task_named
from tests.signatures import signature

RNG = np.random.default_rng(0)
CLASSES = np.arange(12) % 3
YES_NO = np.arange(12) % 2
FLOATS = RNG.normal(size=12)
MASKS = RNG.integers(0, 3, (12, 33, 33))
IMAGES = RNG.random((12, 33, 33, 3), dtype=np.float32)
TWO = Signature({"image": (40, 40, 3)}, (ModelOutput("a", (2,), "softmax"), ModelOutput("b", (11,), "softmax")))


@pytest.mark.parametrize(
    ("model", "labels", "by_folder", "task"),
    [
        (signature((3,), "softmax"), None, False, "classification"),
        (signature((3,), "softmax"), CLASSES, False, "classification"),
        (signature((3,), "linear"), CLASSES, False, "classification"),
        (signature((3,), "linear"), np.eye(3)[CLASSES], False, "classification"),
        (signature((3,), "linear"), CLASSES, True, "classification"),
        (signature((3,), "linear"), None, False, "outputs"),
        (signature((3,), "linear"), RNG.normal(size=(12, 3)), False, "regression"),
        (signature((1,), "sigmoid"), None, False, "binary"),
        (signature((1,), "sigmoid"), YES_NO, True, "binary"),
        (signature((1,), "sigmoid"), YES_NO.astype(np.float32)[:, None], False, "binary"),
        (signature((1,), "sigmoid"), RNG.random(12), False, "regression"),
        (signature((1,), "linear"), YES_NO, False, "binary"),
        (signature((1,), "linear"), YES_NO.astype(np.float32), False, "binary"),
        (signature((1,), "linear"), FLOATS, False, "regression"),
        (signature((1,), "linear"), CLASSES * 10, False, "regression"),
        (signature((1,), "linear"), None, False, "outputs"),
        (signature((3,), "sigmoid"), None, False, "multilabel"),
        (signature((3,), "sigmoid"), RNG.integers(0, 2, (12, 3)), False, "multilabel"),
        (signature((3,), "sigmoid"), CLASSES, False, "classification"),
        (signature((3,), "sigmoid"), np.eye(3)[CLASSES], False, "classification"),
        (signature((3,), "sigmoid"), RNG.random((12, 3)), False, "regression"),
        (signature((33, 33, 3), "softmax", takes=(33, 33, 3)), MASKS, False, "segmentation"),
        (signature((33, 33, 3), "softmax", takes=(33, 33, 3)), None, False, "segmentation"),
        (signature((33, 33, 3), "linear", takes=(33, 33, 3)), MASKS, False, "segmentation"),
        (signature((33, 33, 1), "sigmoid", takes=(33, 33, 3)), None, False, "segmentation"),
        (signature((33, 33, 1), "sigmoid", takes=(33, 33, 1)), MASKS % 2, False, "segmentation"),
        (signature((33, 33, 1), "linear"), (MASKS % 2 * 255)[..., None], False, "segmentation"),
        (signature((33, 33, 1), "linear"), RNG.random((12, 33, 33)), False, "regression"),
        (signature((32, 5), "softmax"), None, False, "segmentation"),
        (signature((33, 33, 3), "linear", takes=(33, 33, 3)), None, False, "reconstruction"),
        (signature((33, 33, 3), "sigmoid", takes=(33, 33, 3)), None, False, "reconstruction"),
        (signature((33, 33, 3), "linear", takes=(33, 33, 3)), IMAGES, False, "reconstruction"),
        (signature((33, 33, 3), "linear", takes=(33, 33, 3)), YES_NO, False, "reconstruction"),
        (signature((33, 33, 3), "linear", takes=(11, 11, 3)), IMAGES, False, "reconstruction"),
        (signature((33, 33, 3), "linear", takes=(11, 11, 3)), None, False, "outputs"),
        (signature((640,), "linear", takes=(640,)), YES_NO, False, "reconstruction"),
        (signature((640,), "sigmoid", takes=(640,)), None, False, "reconstruction"),
        (signature((2,), "linear", takes=(2,)), None, False, "outputs"),
        (signature((320, 7), "linear"), None, False, "outputs"),
        (TWO, None, False, "outputs"),
        (TWO, {"a": YES_NO, "b": CLASSES}, False, "outputs"),
    ],
)
def test_outputs_and_labels_tell_the_task(model: Signature, labels: Any, by_folder: bool, task: str) -> None:
    judged = judge(model, labels, by_folder=by_folder)
    assert judged.task.name == task
    assert judged.reason
    if labels is not None:
        assert judged.task.labels(labels, model, 12, "d.npz") is not None


@pytest.mark.parametrize(
    ("case", "model", "labels", "task"),
    [
        ("autoencoder", signature((32, 32, 3), takes=(32, 32, 3)), (32, 32, 3), "reconstruction"),
        ("super_resolution", signature((72, 72, 3), takes=(24, 24, 3)), (72, 72, 3), "reconstruction"),
        ("two_heads", TWO, None, "outputs"),
        ("dilated_segmentation", signature((33, 33, 3), "softmax", takes=(33, 33, 3)), 3, "segmentation"),
        ("not_a_classifier/seg", signature((32, 32, 1), "sigmoid"), None, "segmentation"),
        ("not_a_classifier/two", TWO, None, "outputs"),
        ("not_a_classifier/binary", signature((1,), "sigmoid"), None, "binary"),
        ("not_a_classifier/regress1", signature((1,)), None, "outputs"),
        ("not_a_classifier/seq", signature((32, 5), "softmax"), None, "segmentation"),
        ("not_a_classifier/keypoints", signature((10,)), None, "outputs"),
        ("binary_sigmoid", signature((1,), "sigmoid"), 2, "binary"),
        ("two_value_regression", signature((2,)), (2,), "regression"),
        ("regression_qat_drift without y", signature((10,)), None, "outputs"),
        ("regression_qat_drift with y", signature((10,)), (10,), "regression"),
        ("detector_concat", signature((320, 7)), None, "outputs"),
    ],
)
def test_models_that_people_report_trouble_with(case: str, model: Signature, labels: Any, task: str) -> None:
    rng = np.random.default_rng(0)
    if isinstance(labels, int):
        labels = rng.integers(0, labels, (12, *model.outputs[0].shape[:-1]))
    elif labels is not None:
        labels = rng.normal(size=(12, *labels)).astype(np.float32)
    assert judge(model, labels, by_folder=False).task.name == task


def test_labels_by_the_name_of_the_one_output() -> None:
    for model, labels, task in (
        (signature((3,)), CLASSES, "classification"),
        (signature((1,)), FLOATS, "regression"),
        (signature((33, 33, 3), takes=(33, 33, 3)), MASKS, "segmentation"),
    ):
        judged = judge(model, {"out": labels}, by_folder=False)
        assert judged.task.name == task
        np.testing.assert_allclose(
            judged.task.labels({"out": labels}, model, 12, "d.npz").reshape(labels.shape), labels
        )


def test_a_class_for_each_of_one_place_may_leave_out_its_axes() -> None:
    model = signature((1, 1, 3), "softmax")
    judged = judge(model, CLASSES, by_folder=False)
    assert judged.task.labels(CLASSES, model, 12, "d.npz").shape == (12, 1, 1)


def test_boxes_need_a_function_that_decodes() -> None:
    boxes = np.full((12, 2, 5), np.nan, np.float32)
    boxes[:, 0] = [0.1, 0.2, 0.5, 0.6, 1]
    for labels in (boxes, boxes[:, :1]):
        for model in (TWO, signature((8, 6))):
            with pytest.raises(DataError, match="--decode MODULE:FUNCTION for labels that are boxes"):
                judge(model, labels, by_folder=False)
            assert judge(model, labels, by_folder=False, named="outputs").task.name == "outputs"
    assert judge(signature((4, 5)), RNG.normal(size=(12, 4, 5)), by_folder=False).task.name == "regression"


def test_the_reason_is_told_in_words() -> None:
    assert judge(signature((3,), "softmax"), None, by_folder=False).reason == "one softmax output of 3 classes"
    assert judge(signature((3,)), None, by_folder=False).reason == "one linear output of shape (3,), without labels"
    assert judge(TWO, None, by_folder=False).reason == "2 outputs"
    assert judge(TWO, {"a": YES_NO}, by_folder=False).reason == (
        "2 outputs; 'a' also by the metrics of classification: one softmax output of 2 classes"
    )
    assert judge(TWO, YES_NO, by_folder=False).reason == "2 outputs; only a metric of your own would use the labels"
    linear = Signature({"x": (4,)}, (ModelOutput("a", (1,), "linear"), ModelOutput("b", (2,), "linear")))
    said = judge(linear, {"b": np.zeros((12, 7))}, by_folder=False).reason
    assert said == "2 outputs; labels of 'b' fit no one task and are left to a metric of your own"


def test_a_function_that_decodes_makes_it_detection() -> None:
    judged = judge(TWO, None, by_folder=False, decode="mine:decode")
    assert (judged.task.name, judged.reason) == ("detection", "--decode is given")
    assert judge(TWO, None, by_folder=False, named="detection", decode=len).task.name == "detection"
    with pytest.raises(ConfigError, match="got it for --task regression"):
        judge(TWO, None, by_folder=False, named="regression", decode=len)


def test_where_two_tasks_fit_the_user_says_which() -> None:
    model = signature((33, 33, 1), "sigmoid", takes=(33, 33, 1))  # an autoencoder, or yes and no for each pixel
    with pytest.raises(ConfigError, match="fit one task, got segmentation and reconstruction") as told:
        judge(model, None, by_folder=False)
    assert "--task segmentation or --task reconstruction" in told.value.remedy
    assert judge(model, None, by_folder=False, named="segmentation").task.name == "segmentation"


def test_a_named_reconstruction_sees_the_labels_too() -> None:
    model = signature((33, 33, 1), "sigmoid", takes=(33, 33, 1))
    for labels, primary in ((None, "psnr"), (YES_NO, "auc"), (IMAGES[..., :1], "psnr")):
        judged = judge(model, labels, by_folder=False, named="reconstruction")
        assert judged.task.metrics(model)[0].name == primary


def test_a_named_task_must_be_one_that_the_model_can_have() -> None:
    with pytest.raises(ConfigError) as told:
        judge(signature((3,), "softmax"), None, by_folder=False, named="binary")
    assert told.value.problem == "Expected one output (N, 1) for --task binary, got output 'out' softmax (N, 3)."
    assert "classification, outputs" in told.value.remedy
    with pytest.raises(ConfigError, match="Expected --decode MODULE:FUNCTION for --task detection, got outputs 'a'"):
        judge(TWO, None, by_folder=False, named="detection")
    with pytest.raises(ConfigError, match="Expected a task, got 'nonsense'") as told:
        task_named("nonsense")
    assert all(task.name in told.value.remedy for task in TASKS)


@pytest.mark.parametrize(
    ("model", "labels", "by_folder"),
    [
        (signature((3,)), CLASSES + 1, False),  # counted from 1
        (signature((3,)), FLOATS, False),
        (signature((1,)), CLASSES, True),  # three folders for yes and no
    ],
)
def test_labels_of_no_task_are_not_left_out_in_silence(model: Signature, labels: Any, by_folder: bool) -> None:
    if by_folder:
        assert judge(model, labels, by_folder=False).task.name == "regression"
    with pytest.raises(DataError, match="labels that tell what the model is for, got labels") as told:
        judge(model, labels, by_folder=by_folder)
    assert "--task outputs" in told.value.remedy


def test_labels_that_a_sigmoid_cannot_reach_are_no_silent_regression() -> None:
    signs = RNG.permutation(np.tile([-1, 1], 18)).reshape(12, 3)
    for model, labels, values in (
        (signature((1,), "sigmoid"), YES_NO * 2 - 1, "-1 and 1"),
        (signature((1,), "sigmoid"), YES_NO[:, None] + 1.0, "1 and 2"),
        (signature((3,), "sigmoid"), signs, "-1 and 1"),
    ):
        with pytest.raises(DataError, match=f"of 0 and 1 for a sigmoid, got only {values}") as told:
            judge(model, labels, by_folder=False)
        assert "--task regression" in told.value.remedy
        assert judge(model, labels, by_folder=False, named="regression").task.name == "regression"
    assert judge(signature((1,), "linear"), YES_NO * 2 - 1, by_folder=False).task.name == "regression"


def test_one_hot_rows_of_two_classes_on_one_value_are_binary() -> None:
    model, rows = signature((1,), "sigmoid"), np.eye(2)[YES_NO]
    judged = judge(model, rows, by_folder=False)
    assert judged.task.name == "binary"
    np.testing.assert_array_equal(judged.task.labels(rows, model, 12, "d.npz"), YES_NO)


@pytest.mark.parametrize(
    ("model", "labels", "mismatch"),
    [
        (signature((16, 16, 3), "softmax"), MASKS, r"shape \(33, 33\), and the output \(16, 16, 3\)"),
        (signature((33, 33, 3), "softmax"), MASKS + 5, "classes are numbered from 0 to 2"),
        (signature((2,)), np.full((12, 3), 0.5), r"the shape \(3,\), and the output \(2,\)"),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_name_the_mismatch(model: Signature, labels: Any, mismatch: str) -> None:
    with pytest.raises(DataError, match=mismatch):
        judge(model, labels, by_folder=False)
