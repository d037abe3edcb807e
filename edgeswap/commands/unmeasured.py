"""`--no-measure`: what stands in the report where no model ran."""

from __future__ import annotations

from edgeswap.commands.lowered import Lowered
from edgeswap.commands.proof import Proof
from edgeswap.evaluation.scoring import Scores, Scoring, quality
from edgeswap.records import Comparison


def unmeasured(scoring: Scoring, lowered: Lowered) -> Proof:
    """Sizes, and else only what would have been measured."""
    nothing = quality(scoring, Scores(0, {}, None))
    comparison = Comparison(
        metric=nothing.metric,
        unit=nothing.unit,
        drop=None,
        drop_ci95=None,
        agreement=None,
        size_ratio=len(lowered.baseline) / len(lowered.candidate),
    )
    return Proof(nothing, nothing, comparison)
