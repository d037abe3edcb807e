"""How good a model is by its task: metrics of outputs that come in chunks, and what the report says of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.records import Quality
from edgeswap.statistics import bootstrap_interval, wilson_interval
from edgeswap.tasks.metric import Metric
from edgeswap.tasks.outputs import Head, Signature, trained_heads
from edgeswap.tasks.own_metric import SNR
from edgeswap.tasks.task import Task

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scoring:
    """What models of a run are scored by.

    Attributes:
        task: what the model is for.
        model: what it takes and gives.
        metrics: the primary one first; empty where outputs are compared with float32's alone.
        by_fidelity: whether models are judged by how near their outputs are to float32's, and the metrics stand beside.
    """

    task: Task
    model: Signature
    metrics: tuple[Metric, ...]
    by_fidelity: bool = False

    @property
    def primary(self) -> Metric | None:
        """What models are judged by; None where that is the signal-to-noise ratio against float32."""
        return self.metrics[0] if self.metrics and not self.by_fidelity else None

    @property
    def needs_inputs(self) -> bool:
        """Whether a metric looks at the inputs."""
        return any(metric.needs_inputs for metric in self.metrics)

    def decided(self, outputs: Sequence[Array]) -> Array | None:
        """What real outputs decide for each sample, whole numbers (n, ...); None where nothing is decided."""
        return self.task.decisions(outputs, self.model)

    @property
    def heads(self) -> tuple[Head, ...]:
        """What training takes the loss of each output by."""
        return trained_heads(self.model, decides=self.task.shown in ("scores", "class map"))


@dataclass(frozen=True, eq=False)
class Scores:
    """What the metrics need of N samples.

    Attributes:
        samples: N.
        parts: metric to its parts (N, ...), of the metrics that can be told.
        decisions: int64 (N,), where the task decides one thing for each sample, such as its class.
    """

    samples: int
    parts: Mapping[str, Array]
    decisions: Array | None

    def subset(self, rows: npt.ArrayLike) -> Scores:
        """The scores of the samples at `rows`, in that order."""
        chosen = np.asarray(rows, np.int64)
        decisions = None if self.decisions is None else self.decisions[chosen]
        return Scores(len(chosen), {name: parts[chosen] for name, parts in self.parts.items()}, decisions)


def take(labels: Any, rows: Array) -> Any:
    """The labels of the samples at `rows`: of an array, or of each in a dict; None stays."""
    if labels is None:
        return None
    return {name: array[rows] for name, array in labels.items()} if isinstance(labels, Mapping) else labels[rows]


def score(
    scoring: Scoring, outputs: Sequence[Array], decided: Array | None, labels: Any, inputs: Sequence[Array]
) -> Scores:
    """The scores of some samples.

    Args:
        scoring: the metrics.
        outputs: real values (n, ...) for each output of the model.
        decided: what the task decides of them, of any shape (n, ...), or None; kept where it is one thing a sample.
        labels: of these samples, as the task made them, or None.
        inputs: what the model was given; empty unless `scoring.needs_inputs`.
    """
    made: dict[Any, Array] = {}  # metrics of one kind share their parts
    parts: dict[str, Array] = {}
    for metric in scoring.metrics:
        if labels is not None or not metric.needs_labels:
            if metric.parts not in made:
                made[metric.parts] = metric.parts(outputs, labels, inputs)
            parts[metric.name] = made[metric.parts]
    return Scores(len(outputs[0]), parts, None if decided is None or decided.ndim != 1 else decided.astype(np.int64))


def joined(chunks: Sequence[Scores]) -> Scores:
    """The scores of all samples, from those of chunks in order; there is at least one."""
    decisions = [chunk.decisions for chunk in chunks if chunk.decisions is not None]
    return Scores(
        sum(chunk.samples for chunk in chunks),
        {name: np.concatenate([chunk.parts[name] for chunk in chunks]) for name in chunks[0].parts},
        np.concatenate(decisions) if decisions else None,
    )


def quality(scoring: Scoring, scores: Scores, *, snr_db: float | None = None) -> Quality:
    """What the report says of a model.

    Args:
        scoring: the metrics.
        scores: of the model.
        snr_db: of its worst output against float32's, for a task without metrics.

    Raises:
        DataError: a metric of the user's own is NaN.
    """
    told = [metric for metric in scoring.metrics if metric.name in scores.parts]
    values = {metric.name: metric.value(scores.parts[metric.name]) for metric in told}
    for metric in told:
        if metric.own and math.isnan(values[metric.name]):
            raise DataError(
                f"Expected a number from the metric {metric.name} of {scores.samples} samples, got NaN.",
                "Look in the function for a division by 0, or for labels that it cannot use.",
            )
    values = {name: found for name, found in values.items() if math.isfinite(found)}
    primary = scoring.primary
    if primary is None:
        known = {} if snr_db is None else {SNR: snr_db}
        return Quality(
            task=scoring.task.name, metric=SNR, value=snr_db, ci95=None, unit="dB", higher_is_better=True,
            samples=scores.samples, metrics={**known, **values},
        )  # fmt: skip
    value = values.get(primary.name)
    return Quality(
        task=scoring.task.name,
        metric=primary.name,
        value=value,
        ci95=None if value is None else _interval(primary, scores.parts[primary.name]),
        unit=primary.unit,
        higher_is_better=primary.higher_is_better,
        samples=scores.samples,
        metrics=values,
    )


def _interval(metric: Metric, parts: Array) -> tuple[float, float] | None:
    if metric.of_right:
        return wilson_interval(int(np.count_nonzero(parts)), len(parts))
    return bootstrap_interval(parts, metric.value)
