"""What both models gave on a target, read once in chunks: the scores of each, and how near they are to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.scoring import Scores, Scoring, joined, quality, score, take
from edgeswap.evaluation.worst_samples import flipped, worst_samples
from edgeswap.records import OutputFidelity, Quality, TargetResult, WorstSample
from edgeswap.targets.measure_all import Outcome
from edgeswap.targets.raw_outputs import RawOutput
from edgeswap.tasks.fidelity import Fidelity

CHUNK_BYTES = 2**24


@dataclass(frozen=True, eq=False)
class DeviceScores:
    """Of the baseline and a candidate on the same samples.

    Attributes:
        baseline: scores of the one.
        candidate: scores of the other.
        agreement: share of decisions that are the same, 0 to 1; None where nothing is decided.
        outputs: how near each output is to the baseline's.
        worst: the samples on which the two differ most.
        flipped: samples that the candidate answers otherwise, see `worst_samples.flipped`.
    """

    baseline: Scores
    candidate: Scores
    agreement: float | None
    outputs: tuple[OutputFidelity, ...]
    worst: tuple[WorstSample, ...] = ()
    flipped: tuple[WorstSample, ...] = ()

    def qualities(self, scoring: Scoring) -> tuple[Quality, Quality]:
        """Of both, for the report."""
        ratios = [output.snr_db for output in self.outputs if output.snr_db is not None]
        worst = min(ratios) if ratios else None
        return quality(scoring, self.baseline), quality(scoring, self.candidate, snr_db=worst)


class ScoredTarget(NamedTuple):
    """One target's figures with the qualities of both models.

    Attributes:
        result: for the report.
        scores: what they are from.
    """

    result: TargetResult
    scores: DeviceScores


def score_targets(
    scoring: Scoring, outcome: Outcome, candidate: int, *, dataset: Dataset, preprocess: Preprocess
) -> list[ScoredTarget]:
    """What every target that gave figures gave of the candidate of that number, from 0, in the order of `measured`."""
    found = []
    for one in outcome.measured:
        figures = one.candidates[candidate]
        scores = device_scores(
            scoring,
            figures.baseline,
            figures.candidate,
            dataset=dataset,
            preprocess=preprocess,
            indices=figures.indices,
        )
        float32, int8 = scores.qualities(scoring)
        result = figures.result.model_copy(
            update={
                "float32": figures.result.float32.model_copy(update={"quality": float32}),
                "int8": figures.result.int8.model_copy(update={"quality": int8}),
            }
        )
        found.append(ScoredTarget(result, scores))
    return found


def device_scores(
    scoring: Scoring,
    baseline: Sequence[RawOutput],
    candidate: Sequence[RawOutput],
    *,
    dataset: Dataset,
    preprocess: Preprocess,
    indices: npt.NDArray[np.int64],
) -> DeviceScores:
    """Score what a target gave.

    Args:
        scoring: the task and its metrics.
        baseline: outputs of the first model, as brought from the target.
        candidate: outputs of the other, for the same samples.
        dataset: the test samples, with labels as the task takes them.
        preprocess: from raw samples to the model's input.
        indices: which samples of `dataset` the target ran.
    """
    scored: tuple[list[Scores], list[Scores]] = ([], [])
    near: list[Fidelity] = []
    alike = decided = 0
    for rows in chunks_of(baseline, len(indices)):
        samples = indices[rows]
        labels = take(dataset.labels, samples)
        inputs = model_inputs(dataset, preprocess, samples, as_app=False) if scoring.needs_inputs else ()
        first, second = ([output.real(rows) for output in outputs] for outputs in (baseline, candidate))
        both = zip(first, second, candidate, strict=True)
        parts = [Fidelity.of(one, other, output.step) for one, other, output in both]
        near = [one + other for one, other in zip(near, parts, strict=True)] if near else parts
        says, other_says = scoring.decided(first), scoring.decided(second)
        if says is not None and other_says is not None:
            alike, decided = alike + int(np.count_nonzero(says == other_says)), decided + says.size
        scored[0].append(score(scoring, first, says, labels, inputs))
        scored[1].append(score(scoring, second, other_says, labels, inputs))
    names = [output.name for output in scoring.model.outputs]
    totals = joined(scored[0]), joined(scored[1])
    labels, others = take(dataset.labels, indices), flipped(scoring, *totals)

    def worst(among: npt.NDArray[np.bool_] | None) -> tuple[WorstSample, ...]:
        known: Any = {"indices": indices, "class_names": dataset.class_names, "labels": labels, "among": among}
        return worst_samples(scoring, near, baseline, candidate, **known)

    return DeviceScores(
        *totals,
        alike / decided if decided else None,
        tuple(fidelity_record(name, one, indices) for name, one in zip(names, near, strict=True)),
        worst(None),
        () if others is None else worst(others),
    )


def chunks_of(outputs: Sequence[RawOutput], count: int) -> list[npt.NDArray[np.int64]]:
    """Positions 0 to `count` in chunks whose outputs are some megabytes."""
    each = sum(4 * int(np.prod(output.array.shape[1:])) for output in outputs)
    size = max(1, CHUNK_BYTES // max(each, 1))
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


def fidelity_record(name: str, found: Fidelity, indices: npt.NDArray[np.int64]) -> OutputFidelity:
    """For the report; the worst sample by its number in the test samples."""
    return OutputFidelity(
        name=name,
        snr_db=found.snr_db,
        cosine=found.cosine,
        mean_steps=found.mean_steps,
        max_steps=found.max_steps,
        bias=found.bias,
        worst_sample=None if found.worst_sample is None else int(indices[found.worst_sample]),
    )
