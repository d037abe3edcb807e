"""What models of a run are scored by: labels and metrics name outputs as the user knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from edgeswap.data.arrays import from_arrays
from edgeswap.data.dataset import Dataset, Expected
from edgeswap.errors import ConfigError, DataError
from edgeswap.evaluation.task_scoring import JudgedScoring, judged_scoring, require_unlike_labels, with_labels_of
from edgeswap.tasks.outputs import ModelOutput, Signature

MODEL = Signature(
    {"x": (4,)}, (ModelOutput("head_a", (3,), "softmax", ("Klasse",)), ModelOutput("head_b", (1,), "linear", ("Wert",)))
)
CLASSES, VALUES = np.arange(6) % 3, np.linspace(0, 9, 6)


def samples(labels: Any) -> Dataset:
    return from_arrays(np.zeros((6, 4), np.float32), labels, "d.npz", Expected({"x": (4,)}, None, None))


def judged(labels: Mapping[str, Any], *metrics: Any) -> JudgedScoring:
    return judged_scoring(MODEL, samples(labels), named=None, metrics=metrics, decode=None)


@pytest.mark.parametrize("names", [("head_a", "head_b"), ("Klasse", "Wert"), ("Klasse", "head_b")])
def test_an_output_has_more_than_one_name(names: tuple[str, str]) -> None:
    labels = dict(zip(names, (CLASSES, VALUES), strict=True))
    for metric in ("Klasse.top1", "head_a.top1"):
        found = judged(labels, metric)
        assert [one.name for one in found.scoring.metrics][:2] == ["head_a.top1", "head_a.macro_f1"]
        assert "'head_b' also by the metrics of regression" in found.reason
        taken = with_labels_of(found.scoring, samples(labels)).labels
        assert isinstance(taken, Mapping)
        assert set(taken) == {"head_a", "head_b", *names}
        parts = found.scoring.metrics[0].parts([np.eye(3)[CLASSES], np.zeros((6, 1))], taken, [])
        assert parts.all()


def test_a_metric_of_ones_own_finds_the_labels_under_the_names_that_the_user_gave() -> None:
    found = judged({"Klasse": CLASSES[:, None]}, lambda outputs, labels: labels["Klasse"])
    taken = with_labels_of(found.scoring, samples({"Klasse": CLASSES[:, None]})).labels
    assert isinstance(taken, Mapping)
    np.testing.assert_array_equal(found.scoring.metrics[0].parts([np.eye(3)[CLASSES]], taken, []), CLASSES)


def test_labels_of_no_output_are_refused() -> None:
    with pytest.raises(DataError, match=r"outputs head_a or Klasse, head_b or Wert in d.npz, got some of 'Klass'"):
        judged({"Klasse": CLASSES, "Klass": CLASSES})
    with pytest.raises(DataError, match=r"each output once in d.npz, got 'Klasse' and 'head_a'"):
        judged({"Klasse": CLASSES, "head_a": CLASSES, "Wert": VALUES})
    with pytest.raises(ConfigError, match=r"got 'klasse.top1'"):
        judged({"Klasse": CLASSES}, "klasse.top1")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([2.5] * 40, "got 40 samples with 2.5 as every label"),
        ([-3.0] * 40, "got 40 samples with -3 as every label"),
        ([2.5] * 39 + [2.6], None),
        ([2.5] * 5, None),  # so few can be the same by chance
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_values_that_are_all_the_same_are_refused(labels: list[float], says: str | None, *, alone: bool) -> None:
    y: Any = np.array(labels, np.float32)
    model = MODEL if not alone else Signature({"x": (4,)}, (ModelOutput("value", (1,), "linear", ()),))
    given: Any = y if alone else {"Wert": y, "Klasse": np.zeros(len(y), np.int64)}
    data = from_arrays(np.zeros((len(y), 4), np.float32), given, "d.npz", Expected({"x": (4,)}, None, None))
    scoring = judged_scoring(model, data, named=None, metrics=(), decode=None).scoring
    taken = with_labels_of(scoring, data)
    if says is None:
        require_unlike_labels(scoring, taken, role="test")
        return
    with pytest.raises(DataError, match=says) as refusal:
        require_unlike_labels(scoring, taken, role="test")
    assert ("head_b" in refusal.value.problem) == (not alone)
