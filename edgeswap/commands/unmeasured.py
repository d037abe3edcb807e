"""`--no-measure`: what stands in the report where no model ran."""

from __future__ import annotations

from edgeswap.commands.lowered import Lowered
from edgeswap.commands.proof import Proof
from edgeswap.evaluation.limits import judge
from edgeswap.evaluation.scoring import Scores, Scoring, quality
from edgeswap.records import Comparison


def unmeasured(scoring: Scoring, lowered: Lowered, *, max_size: float | None) -> Proof:
    """Sizes, held against the limit of `max_size` bytes, and else only what would have been measured."""
    nothing = quality(scoring, Scores(0, {}, None))
    comparison = Comparison(
        metric=nothing.metric,
        unit=nothing.unit,
        drop=None,
        drop_ci95=None,
        agreement=None,
        size_ratio=len(lowered.baseline) / len(lowered.candidate),
    )
    limits = judge(
        comparison, candidate_size_bytes=len(lowered.candidate), candidate_latency_ms=None, max_size=max_size
    )
    return Proof(nothing, nothing, comparison, limits=limits)
