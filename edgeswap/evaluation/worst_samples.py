"""The test samples on which a candidate differs most from the baseline, or answers otherwise, and what both say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.evaluation.scoring import Scores, Scoring
from edgeswap.evaluation.task_details import class_name
from edgeswap.records import Named, WorstSample
from edgeswap.targets.raw_outputs import RawOutput
from edgeswap.tasks.details import Answer
from edgeswap.tasks.fidelity import Fidelity

MOST = 8


def worst_samples(
    scoring: Scoring,
    near: Sequence[Fidelity],
    baseline: Sequence[RawOutput],
    candidate: Sequence[RawOutput],
    *,
    indices: npt.NDArray[np.int64],
    class_names: Sequence[str] | None,
    labels: Any = None,
    among: npt.NDArray[np.bool_] | None = None,
) -> tuple[WorstSample, ...]:
    """At most `MOST` samples whose outputs differ most, the worst first; those that do not differ are left out.

    Args:
        scoring: the task.
        near: of each output, over all samples.
        baseline: what the first model gave.
        candidate: what the other gave, for the same samples.
        indices: the number of each sample in the test samples.
        class_names: in the order of the model's outputs; None where unknown.
        labels: of these samples, as the task made them; those that are one class a sample are told.
        among: bool (N,), the samples that count; None: all do.
    """
    ratios = np.min([one.sample_ratios for one in near], axis=0)
    if among is not None:
        ratios = np.where(among, ratios, math.inf)
    rows = np.argsort(ratios, kind="stable")[:MOST]
    rows = rows[ratios[rows] < math.inf]
    if not len(rows):
        return ()
    said, other_says = (
        scoring.task.answers([output.real(rows) for output in outputs], scoring.model)
        for outputs in (baseline, candidate)
    )
    names = class_names or ()
    return tuple(
        WorstSample(
            index=int(indices[row]),
            snr_db=float(ratios[row]) if math.isfinite(ratios[row]) else None,
            label=_class_of(labels, row, names),
            float32=_named(first, names),
            int8=_named(second, names),
        )
        for row, first, second in zip(rows, said, other_says, strict=True)
    )


def flipped(scoring: Scoring, baseline: Scores, candidate: Scores) -> npt.NDArray[np.bool_] | None:
    """Which samples a candidate answers otherwise, bool (N,): with labels those that only the baseline has right.

    None where a sample has not one answer.
    """
    primary = scoring.primary
    if primary is not None and primary.of_right and primary.name in baseline.parts:
        lost: npt.NDArray[np.bool_] = baseline.parts[primary.name] & ~candidate.parts[primary.name]
        return lost
    if baseline.decisions is None or candidate.decisions is None:
        return None
    other: npt.NDArray[np.bool_] = baseline.decisions != candidate.decisions
    return other


def _class_of(labels: Any, row: int, names: Sequence[str]) -> str | None:
    """The label of a sample where it is one class."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu" or labels[0].size != 1:
        return None
    return class_name(int(labels[row].reshape(-1)[0]), names)


def _named(answer: Answer, names: Sequence[str]) -> list[Named]:
    return [
        Named(
            name=what if isinstance(what, str) else class_name(what, names),
            value=value if math.isfinite(value) else None,
        )
        for what, value in answer
    ]
