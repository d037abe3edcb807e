"""The test samples on which a candidate differs most from the baseline, with what both say of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeswap.evaluation.scoring import Scoring
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
) -> tuple[WorstSample, ...]:
    """At most `MOST` samples whose outputs differ most, the worst first; those that do not differ are left out.

    Args:
        scoring: the task.
        near: of each output, over all samples.
        baseline: what the first model gave.
        candidate: what the other gave, for the same samples.
        indices: the number of each sample in the test samples.
        class_names: in the order of the model's outputs; None where unknown.
    """
    ratios = np.min([one.sample_ratios for one in near], axis=0)
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
            float32=_named(first, names),
            int8=_named(second, names),
        )
        for row, first, second in zip(rows, said, other_says, strict=True)
    )


def _named(answer: Answer, names: Sequence[str]) -> list[Named]:
    return [
        Named(
            name=what if isinstance(what, str) else class_name(what, names),
            value=value if math.isfinite(value) else None,
        )
        for what, value in answer
    ]
