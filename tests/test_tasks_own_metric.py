"""The user's own metrics, and which metric comes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.errors import ConfigError, DataError
from edgeswap.evaluation.scoring import Scoring, quality, score
from edgeswap.statistics import bootstrap_interval
from edgeswap.tasks.own_metric import chosen_metrics, own_metric
from edgeswap.tasks.plain_outputs import PlainOutputs
from edgeswap.tasks.regression import Regression
from edgeswap.tasks.titles import title
from tests.signatures import signature

MODEL = signature((1,))
OUTPUTS, LABELS = np.arange(6.0)[:, None], np.arange(6.0)[:, None] * 2


def by_sample(outputs: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    return np.abs(outputs[0] - labels)[:, 0]


def largest(outputs: list[np.ndarray], labels: np.ndarray) -> float:
    return float(np.abs(outputs[0] - labels).max())


def in_chunks(given: Any, outputs: np.ndarray, labels: Any) -> Any:
    metric = own_metric(given)
    return metric, np.concatenate(
        [
            metric.parts(
                [outputs[i : i + 4]],
                {k: v[i : i + 4] for k, v in labels.items()} if isinstance(labels, dict) else labels[i : i + 4],
                [],
            )
            for i in (0, 4)
        ]
    )


def test_a_number_a_sample_is_averaged() -> None:
    metric, parts = in_chunks(by_sample, OUTPUTS, LABELS)
    np.testing.assert_array_equal(parts, np.arange(6.0))
    assert (metric.name, metric.value(parts), metric.higher_is_better) == ("by_sample", 2.5, True)


def test_one_number_is_taken_over_all_samples_and_over_any_of_them() -> None:
    metric, parts = in_chunks(largest, OUTPUTS, LABELS)
    assert metric.value(parts) == 5
    assert metric.value(parts[[1, 1, 2]]) == 2
    assert bootstrap_interval(parts, metric.value, resamples=50) is not None
    named, parts = in_chunks(lambda o, y: (o[0] - y["a"]).sum(), OUTPUTS, {"a": LABELS})
    assert named.value(parts) == -15


def test_lower_is_better_where_the_function_says_so(place: Path) -> None:
    (place / "mine_of_tasks.py").write_text(
        "def error(o, y): return abs(o[0] - y).mean()\nerror.higher_is_better = False\n"
    )
    metric = own_metric("mine_of_tasks:error")
    assert (metric.name, title(metric.name), metric.higher_is_better) == ("mine_of_tasks:error", "error", False)


@pytest.mark.parametrize("given", [[1.0, 2.0], "text", np.zeros((6, 2))])
def test_other_results_are_told(given: Any) -> None:
    with pytest.raises(DataError, match="one for each of 6 samples, from the metric <lambda>"):
        own_metric(lambda o, y: given).parts([OUTPUTS], LABELS, [])


def test_the_named_ones_come_first() -> None:
    names = [m.name for m in chosen_metrics(Regression(), MODEL, ["r2", by_sample])]
    assert names == ["r2", "by_sample", "mae", "rmse"]
    assert [m.name for m in chosen_metrics(Regression(), MODEL)] == ["mae", "rmse", "r2"]
    assert chosen_metrics(PlainOutputs(), MODEL, ["snr_db"]) == ()
    assert [m.name for m in chosen_metrics(PlainOutputs(), MODEL, [largest])] == ["largest"]


@pytest.mark.parametrize(
    ("task", "name", "remedy"),
    [
        (Regression(), "top1", "mae, rmse, r2"),
        (PlainOutputs(), "mae", "snr_db"),
        (Regression(), "nowhere:f", "install"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(task: Any, name: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as told:
        chosen_metrics(task, MODEL, [name])
    assert remedy in told.value.remedy


def test_a_metric_that_is_no_number_is_named() -> None:
    scoring = Scoring(Regression(), MODEL, chosen_metrics(Regression(), MODEL, [nothing]))
    scores = score(scoring, [OUTPUTS], None, LABELS, [])
    with pytest.raises(DataError, match="from the metric nothing of 6 samples, got NaN"):
        quality(scoring, scores)


def nothing(outputs: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    return np.full(len(labels), np.nan)
