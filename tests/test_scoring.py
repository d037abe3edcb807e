"""Metrics of outputs that come in chunks, and two models held against each other by them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.evaluation.comparison import compare
from edgeswap.evaluation.device_scores import DeviceScores
from edgeswap.evaluation.limits import judge
from edgeswap.evaluation.scoring import Scores, Scoring, joined, quality, score, take
from edgeswap.records import Comparison, OutputFidelity
from edgeswap.tasks.outputs import ModelOutput, Signature
from edgeswap.tasks.plain_outputs import PlainOutputs
from edgeswap.tasks.regression import Regression

GENERATOR = np.random.default_rng(0)
MODEL = Signature({"x": (4,)}, (ModelOutput("size", (2,), "linear"),))
REGRESSION = Scoring(Regression(), MODEL, Regression().metrics(MODEL))
PLAIN = Scoring(PlainOutputs(), MODEL, ())
LABELS = GENERATOR.normal(size=(60, 2)).astype(np.float32)
SIZES = {"baseline_size_bytes": 400, "candidate_size_bytes": 100}


def scored(values: np.ndarray, labels: np.ndarray | None = LABELS, *, chunk: int = 60) -> Scores:
    rows = [np.arange(start, min(start + chunk, len(values))) for start in range(0, len(values), chunk)]
    return joined([score(REGRESSION, [values[some]], None, take(labels, some), []) for some in rows])


def compared(first: np.ndarray, second: np.ndarray, **how: Scores) -> Comparison:
    return compare(REGRESSION, DeviceScores(scored(first), scored(second), None, ()), **SIZES, **how)


@pytest.mark.slow
@given(st.integers(1, 70))
def test_chunks_change_nothing(chunk: int) -> None:
    values = LABELS + 0.25
    whole, parts = quality(REGRESSION, scored(values)), quality(REGRESSION, scored(values, chunk=chunk))
    assert whole == parts
    assert (whole.task, whole.metric, whole.unit, whole.samples) == ("regression", "mae", "label", 60)
    assert whole.value == pytest.approx(0.25, rel=1e-5)


def test_a_lower_error_is_a_gain() -> None:
    found = compared(LABELS + 0.5, LABELS + 0.25)
    assert found.drop == pytest.approx(-0.25, rel=1e-4)
    assert (found.metric, found.unit, found.mcnemar_p) == ("mae", "label", None)
    assert found.drop_ci95 is not None
    assert found.drop_ci95[0] <= found.drop <= found.drop_ci95[1] < 0
    assert not found.can_be_chance
    assert compared(LABELS + 0.25, LABELS + 0.5).drop == pytest.approx(0.25, rel=1e-4)


def test_the_control_is_held_against_the_candidate() -> None:
    found = compared(LABELS, LABELS + 0.5, control=scored(LABELS + 0.25))
    assert found.control_drop == pytest.approx(0.25, rel=1e-4)


def test_without_labels_there_is_no_value_but_a_metric() -> None:
    found = quality(REGRESSION, scored(LABELS, None))
    assert (found.metric, found.value, found.ci95, found.metrics) == ("mae", None, None, {})
    bare = compare(REGRESSION, DeviceScores(scored(LABELS, None), scored(LABELS, None), None, ()), **SIZES)
    assert bare.drop is bare.drop_ci95 is None


def test_plain_outputs_are_judged_by_how_near_they_are() -> None:
    scores = score(PLAIN, [LABELS], PLAIN.decided([LABELS]), None, [])
    assert quality(PLAIN, scores).value is None
    assert quality(PLAIN, scores, snr_db=31.5).metrics == {"snr_db": 31.5}
    near = OutputFidelity(name="size", snr_db=40.0, cosine=1.0, mean_steps=0.5, max_steps=2.0, bias=0.0)
    found = compare(PLAIN, DeviceScores(scores, scores, None, (near,)), **SIZES)
    assert (found.metric, found.drop, found.agreement) == ("snr_db", None, None)
    # An error of 1 % of the values as root mean square is 40 dB.
    (limit,) = judge(found, candidate_size_bytes=1, candidate_latency_ms=None, max_drop=1.5)
    assert (limit.passed, limit.value) == (True, pytest.approx(1.0))


def test_samples_are_chosen_with_all_that_belongs_to_them() -> None:
    scores = Scores(3, {"mae": np.array([1.0, 2.0, 4.0])}, np.array([0, 1, 2]))
    part = scores.subset([2, 0])
    assert (part.samples, part.parts["mae"].tolist()) == (2, [4.0, 1.0])
    assert part.decisions is not None
    assert part.decisions.tolist() == [2, 0]
    assert take({"a": np.arange(3)}, np.array([1]))["a"].tolist() == [1]
    assert take(None, np.array([1])) is None


def test_metrics_that_share_their_parts_ask_for_them_once() -> None:
    asked = []

    def parts(outputs: object, labels: object, inputs: object) -> np.ndarray:
        asked.append(1)
        return np.zeros(60)

    first, *_ = Regression().metrics(MODEL)
    from dataclasses import replace

    metrics = tuple(replace(first, name=name, parts=parts) for name in ("a", "b"))
    score(Scoring(Regression(), MODEL, metrics), [LABELS], None, LABELS, [])
    assert len(asked) == 1
