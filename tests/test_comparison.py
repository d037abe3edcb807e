from __future__ import annotations

import numpy as np
import pytest

from edgeswap.errors import ConfigError
from edgeswap.evaluation.comparison import compare
from edgeswap.evaluation.device_scores import DeviceScores
from edgeswap.evaluation.limits import judge
from edgeswap.evaluation.scoring import Scores, Scoring, score
from edgeswap.records import Comparison
from edgeswap.statistics import mcnemar_exact, paired_difference_interval
from edgeswap.tasks.classification import Classification
from edgeswap.tasks.metric import Metric, mean
from edgeswap.tasks.outputs import ModelOutput, Signature

LABELS = np.arange(200) % 10
MODEL = Signature({"x": (4,)}, (ModelOutput("scores", (10,), "softmax"),))
SCORING = Scoring(Classification(), MODEL, Classification().metrics(MODEL))


def wrong_at(*where: int) -> np.ndarray:
    predictions = LABELS.copy()
    predictions[list(where)] = (predictions[list(where)] + 1) % 10
    return predictions


def compared(**changes: object) -> Comparison:
    labels = changes.pop("labels", LABELS)
    given = {"baseline": wrong_at(0, 1), "candidate": wrong_at(1, 2, 3, 4), "control": None, **changes}
    scores = {name: None if classes is None else scored(classes, labels) for name, classes in given.items()}
    agreement = float(np.mean(given["baseline"] == given["candidate"])) if len(given["candidate"]) == 200 else None
    found = DeviceScores(scores["baseline"], scores["candidate"], agreement, ())
    return compare(SCORING, found, control=scores["control"], baseline_size_bytes=400, candidate_size_bytes=100)


def scored(classes: np.ndarray, labels: np.ndarray | None) -> Scores:
    """The scores of a model that gives these classes."""
    labels = None if labels is None else labels[: len(classes)]
    outputs = [np.eye(10)[classes]]
    return score(SCORING, outputs, SCORING.decided(outputs), labels, [])


def test_compare_counts_pairs() -> None:
    found = compared()
    assert found.drop == 1.0  # 198 right against 196, of 200
    assert found.agreement == pytest.approx(196 / 200)  # samples 0, 2, 3, 4 differ; 1 is wrong in the same way
    assert found.mcnemar_p == pytest.approx(mcnemar_exact(3, 1))
    assert found.size_ratio == 4.0
    assert found.control_drop is None
    low, high = paired_difference_interval(3, 1, 200)
    assert found.drop_ci95 == pytest.approx((100 * low, 100 * high))


def test_compare_with_a_control() -> None:
    assert compared(control=wrong_at()).control_drop == 2.0


def test_compare_without_labels() -> None:
    found = compared(labels=None)
    assert found.drop is found.mcnemar_p is found.drop_ci95 is None
    assert found.agreement == pytest.approx(0.98)


def test_the_rest_of_a_rounding_is_no_difference_of_shares() -> None:
    metric = Metric("miou", "share", True, lambda outputs, labels, inputs: outputs[0], mean)
    scoring = Scoring(Classification(), MODEL, (metric,))
    first, second = (Scores(40, {"miou": np.full(40, value)}, None) for value in (0.1 + 0.2, 0.3))
    sizes = {"baseline_size_bytes": 400, "candidate_size_bytes": 100}
    found = compare(scoring, DeviceScores(first, second, None, ()), **sizes)
    assert (found.drop, found.drop_ci95) == (0.0, (0.0, 0.0))


def test_compare_refuses_other_lengths() -> None:
    with pytest.raises(ValueError, match="one number of samples"):
        compared(candidate=LABELS[:5])


def test_judge_holds_each_limit_that_is_set() -> None:
    found = judge(
        compared(),
        candidate_size_bytes=100,
        candidate_latency_ms=2.5,
        max_drop=1.0,
        max_latency_ms=2.4,
        max_size=100,
    )
    assert [(limit.name, limit.value, limit.passed) for limit in found] == [
        ("max_drop", 1.0, True),
        ("max_latency_ms", 2.5, False),
        ("max_size", 100, True),
    ]
    assert judge(compared(), candidate_size_bytes=100, candidate_latency_ms=None) == []


def test_judge_without_labels_takes_the_agreement() -> None:
    (limit,) = judge(compared(labels=None), candidate_size_bytes=1, candidate_latency_ms=None, max_drop=1.9)
    assert limit.value == pytest.approx(2.0)
    assert not limit.passed


def test_judge_needs_a_time_for_a_limit_of_time() -> None:
    with pytest.raises(ConfigError, match="measures time"):
        judge(compared(), candidate_size_bytes=1, candidate_latency_ms=None, max_latency_ms=1.0)
