"""What each task tells beside its metrics: figures of classes, curves, errors; and the samples that differ most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeswap.evaluation.scoring import Scoring, score
from edgeswap.evaluation.task_details import TaskDetails, task_details
from edgeswap.evaluation.worst_samples import flipped, worst_samples
from edgeswap.targets.raw_outputs import RawOutput
from edgeswap.tasks.binary import Binary
from edgeswap.tasks.classification import Classification
from edgeswap.tasks.detection import Detection
from edgeswap.tasks.fidelity import Fidelity
from edgeswap.tasks.multilabel import MultiLabel
from edgeswap.tasks.outputs import ModelOutput, Signature
from edgeswap.tasks.plain_outputs import PlainOutputs
from edgeswap.tasks.ranking import average_precision
from edgeswap.tasks.reconstruction import Reconstruction
from edgeswap.tasks.regression import Regression
from edgeswap.tasks.segmentation import Segmentation
from tests.signatures import signature

Array = np.ndarray[Any, Any]
NAMES = ("ash", "beech", "oak")
RNG = np.random.default_rng(0)


def told(task: Any, model: Signature, outputs: tuple[Array, Array], labels: Any, inputs: Any = ()) -> TaskDetails:
    """The details of a float32 and an int8 model that give these outputs."""
    scoring = Scoring(task, model, task.metrics(model))
    first, second = (score(scoring, [each], scoring.decided([each]), labels, inputs) for each in outputs)
    return task_details(scoring, first, second, class_names=NAMES)


def by_class(details: TaskDetails) -> list[tuple[str, float | None, float | None]]:
    return [(figure.class_, figure.float32, figure.int8) for figure in details.per_class]


def test_classification_tells_the_recall_of_classes_that_are_labelled() -> None:
    labels = np.array([0, 0, 1, 1])
    outputs = (np.eye(3)[[0, 0, 1, 2]], np.eye(3)[[0, 1, 1, 1]])
    found = told(Classification(), signature((3,), "softmax"), outputs, labels)
    assert found.class_metric == "recall"
    assert by_class(found) == [("ash", 1.0, 0.5), ("beech", 0.5, 1.0)]
    assert told(Classification(), signature((3,), "softmax"), outputs, None).per_class == []


def test_binary_tells_recall_and_a_roc_curve() -> None:
    labels = np.array([0, 1, 0, 1])
    outputs = (np.array([[0.1], [0.9], [0.2], [0.8]]), np.array([[0.1], [0.4], [0.6], [0.8]]))
    found = told(Binary(), signature((1,), "sigmoid"), outputs, labels)
    assert by_class(found) == [("ash", 1.0, 0.5), ("beech", 1.0, 0.5)]
    assert found.roc is not None
    assert found.roc.float32 == [(0, 0), (0, 0.5), (0, 1), (0.5, 1), (1, 1)]
    assert found.roc.int8 == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
    assert told(Binary(), signature((1,), "sigmoid"), outputs, np.ones(4, np.int64)).roc is None


def test_a_long_roc_curve_has_a_hundred_points_and_its_ends() -> None:
    scores, labels = RNG.random((5000, 1)), RNG.integers(0, 2, 5000)
    found = told(Binary(), signature((1,), "sigmoid"), (scores, scores), labels)
    assert found.roc is not None
    assert (len(found.roc.int8), found.roc.int8[0], found.roc.int8[-1]) == (100, (0, 0), (1, 1))


def test_multilabel_tells_average_precision() -> None:
    scores, labels = RNG.random((9, 3)), np.stack([np.arange(9) % 2, np.zeros(9, int), np.arange(9) < 3], axis=1)
    found = told(MultiLabel(), signature((3,), "sigmoid"), (scores, 1 - scores), labels)
    assert found.class_metric == "average_precision"
    assert [name for name, *_ in by_class(found)] == ["ash", "oak"]  # nothing is labelled beech
    assert found.per_class[0].float32 == pytest.approx(average_precision(scores[:, 0], labels[:, 0]))


def test_segmentation_tells_the_iou_of_classes() -> None:
    maps = np.eye(3)[np.array([[[0, 0], [1, 1]]])]
    labels = np.array([[[0, 0], [0, 1]]])
    found = told(Segmentation(), signature((2, 2, 3), "softmax"), (maps, np.eye(3)[labels]), labels)
    assert (found.class_metric, by_class(found)) == ("iou", [("ash", 2 / 3, 1.0), ("beech", 0.5, 1.0)])


def test_detection_tells_average_precision_and_a_class_without_a_name_has_its_number() -> None:
    boxes = np.array([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]], np.float32)
    labels = np.concatenate([boxes, np.array([[[1], [7]]])], axis=2)

    def decode(outputs: Any) -> Any:
        return boxes, outputs[0], np.array([[1, 7]])

    found = told(Detection(decode), signature((2,)), (np.array([[0.9, 0.8]]), np.array([[0.9, 0.0]])), labels)
    assert found.class_metric == "average_precision"
    assert by_class(found) == [("beech", pytest.approx(1), pytest.approx(1)), ("7", pytest.approx(1), 0.0)]


def test_regression_tells_errors_and_points() -> None:
    labels = RNG.normal(size=(500, 1)).astype(np.float32)
    outputs = (labels + 0.5, labels - 1)
    found = told(Regression(), signature((1,)), outputs, labels).errors
    assert found is not None
    assert (found.of, sum(found.float32), sum(found.int8)) == ("value", 500, 500)
    assert found.edges[0] == pytest.approx(-1)
    assert found.edges[-1] == pytest.approx(0.5)
    assert len(found.points) == 200
    assert found.points[0] == pytest.approx((labels[0, 0], labels[0, 0] + 0.5, labels[0, 0] - 1))


def test_a_map_of_values_tells_the_error_of_each_sample() -> None:
    labels = RNG.normal(size=(6, 20, 20, 1)).astype(np.float32)
    found = told(Regression(), signature((20, 20, 1)), (labels + 0.5, labels - 1), labels).errors
    assert found is not None
    assert (found.of, sum(found.int8), found.points) == ("sample", 6, [])


def test_anomalies_have_a_roc_curve() -> None:
    inputs = [RNG.random((4, 20))]
    outputs = (inputs[0] + np.array([[0.0], [1.0], [0.1], [1.0]]), inputs[0])
    task = Reconstruction("anomalies")
    roc = told(task, signature((20,), takes=(20,)), outputs, np.array([0, 1, 0, 1]), inputs).roc
    assert roc is not None
    assert (0, 1) in roc.float32
    assert roc.int8 == [(0, 0), (1, 1)]
    assert told(Reconstruction(), signature((20,), takes=(20,)), outputs, None, inputs) == (None, [], None, None)


def raw(values: Array) -> RawOutput:
    return RawOutput("y", values.astype(np.float32), 0.0, 0, reduced=False)


def worst(task: Any, model: Signature, first: Array, second: Array) -> list[Any]:
    near = [Fidelity.of(first, second, None)]
    scoring = Scoring(task, model, task.metrics(model))
    indices = np.arange(len(first)) * 10
    return list(worst_samples(scoring, near, [raw(first)], [raw(second)], indices=indices, class_names=NAMES))


def test_worst_samples_are_those_with_the_largest_difference_and_carry_both_answers() -> None:
    first = np.eye(3)[np.arange(12) % 3]
    second = first.copy()
    second[4] = (0, 0.25, 0.75)
    second[7] = (0, 0.5, 0)
    found = worst(Classification(), signature((3,), "softmax"), first, second)
    assert [sample.index for sample in found] == [40, 70]  # the others do not differ
    assert found[1].snr_db == pytest.approx(10 * np.log10(1 / 0.25))
    assert [(one.name, one.value) for one in (*found[0].float32, *found[0].int8)] == [("beech", 1), ("oak", 0.75)]


def test_flipped_samples_are_those_that_only_the_baseline_has_right_with_their_label() -> None:
    labels = np.array([0, 1, 2, 0])
    first = np.eye(3)[[0, 1, 1, 1]]
    second = np.eye(3)[[0, 2, 2, 1]]  # the second sample is lost, the third gained
    task, model = Classification(), signature((3,), "softmax")
    scoring = Scoring(task, model, task.metrics(model))
    scored = [score(scoring, [one], scoring.decided([one]), labels, ()) for one in (first, second)]
    among = flipped(scoring, *scored)
    assert among is not None
    assert among.tolist() == [False, True, False, False]
    near = [Fidelity.of(first, second, None)]
    found = worst_samples(
        scoring, near, [raw(first)], [raw(second)], indices=np.arange(4), class_names=NAMES, labels=labels, among=among
    )
    assert [(one.index, one.label, one.float32[0].name, one.int8[0].name) for one in found] == [
        (1, NAMES[1], NAMES[1], NAMES[2])
    ]
    unlabelled = [score(scoring, [one], scoring.decided([one]), None, ()) for one in (first, second)]
    among = flipped(scoring, *unlabelled)
    assert among is not None
    assert among.tolist() == [False, True, True, False]
    values = Regression()
    plain = Scoring(values, signature((1,)), values.metrics(signature((1,))))
    nothing = [score(plain, [np.zeros((2, 1))], None, None, ()) for _ in range(2)]
    assert flipped(plain, *nothing) is None


def test_a_value_near_zero_is_no_worst_sample() -> None:
    first = np.array([[0.001], [100.0], [50.0]])
    found = worst(Regression(), signature((1,)), first, first + np.array([[0.001], [5.0], [1.0]]))
    assert [sample.index for sample in found] == [10, 20, 0]


def test_a_value_that_is_not_finite_comes_first_and_is_null() -> None:
    first = np.ones((3, 1))
    found = worst(Regression(), signature((1,)), first, np.array([[0.0], [1.0], [np.nan]]))
    assert [(sample.index, sample.snr_db is None) for sample in found] == [(20, True), (0, False)]
    assert found[0].int8[0].value is None


def test_there_are_eight_at_most() -> None:
    assert len(worst(Regression(), signature((1,)), np.ones((20, 1)), np.zeros((20, 1)))) == 8


@pytest.mark.parametrize(
    ("task", "model", "outputs", "said"),
    [
        (Binary(), signature((1,), "sigmoid"), [[0.25]], [(0, 0.75)]),
        (Binary(), signature((1,)), [[2.0]], [(1, 2.0)]),
        (MultiLabel(), signature((3,), "sigmoid"), [[0.6, 0.5, 0.9]], [(2, 0.9), (0, 0.6)]),
        (MultiLabel(), signature((3,), "sigmoid"), [[0.1, 0.2, 0.3]], []),
        (Segmentation(), signature((2, 2, 1), "sigmoid"), [[[[0.9], [0.1]], [[0.1], [0.2]]]], [(0, 0.75), (1, 0.25)]),
        (Regression(), signature((2,)), [[1.0, 2.0]], [("y[0]", 1.0), ("y[1]", 2.0)]),
        (Regression(), signature((7,)), [[1.0, 2, 3, 4, 4, 4, 10]], [("mean", 4), ("lowest", 1), ("highest", 10)]),
        (Reconstruction(), signature((1,), takes=(1,)), [[3.0]], [("y", 3.0)]),
        (PlainOutputs(), signature((1,)), [[3.0]], [("y", 3.0)]),
    ],
)
def test_answers_are_in_the_words_of_the_task(task: Any, model: Signature, outputs: Any, said: Any) -> None:
    named = Signature(model.inputs, (ModelOutput("y", model.outputs[0].shape, model.outputs[0].head),))
    ((*answer,),) = task.answers([np.array(outputs)], named)
    assert answer == [(what, pytest.approx(value)) for what, value in said]


def test_answers_of_several_outputs_name_each_and_are_short() -> None:
    model = Signature({"x": (4,)}, (ModelOutput("angle", (1,), "linear"), ModelOutput("map", (9,), "linear")))
    assert PlainOutputs().answers([np.array([[2.0]]), np.ones((1, 9))], model) == [[("angle", 2.0), ("map mean", 1.0)]]


def test_an_output_with_a_task_says_what_the_task_says() -> None:
    model = Signature({"x": (4,)}, (ModelOutput("digit", (3,), "softmax"), ModelOutput("place", (1,), "linear")))
    task = PlainOutputs((("digit", Classification()), ("place", Regression())))
    said = task.answers([np.array([[0.1, 0.2, 0.7]]), np.array([[4.0]])], model)
    assert said == [[("digit 2", 0.7), ("place", 4.0)]]
