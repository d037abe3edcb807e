"""`--no-measure`: what stands in the report where no model ran."""

from __future__ import annotations

from edgeswap.commands.lowered import Lowered
from edgeswap.commands.proof import Proof, vectors_of
from edgeswap.commands.samples import Samples
from edgeswap.config.export import ExportConfig
from edgeswap.evaluation.limits import judge
from edgeswap.evaluation.scoring import Scores, quality
from edgeswap.records import Comparison
from edgeswap.store.run_store import RunStore


def unmeasured(config: ExportConfig, samples: Samples, lowered: Lowered, *, store: RunStore) -> Proof:
    """Sizes, held against the limit, the golden vectors, and else only what would have been measured.

    Raises:
        TargetError: this machine cannot run the model for the golden vectors.
    """
    nothing = quality(samples.scoring, Scores(0, {}, None))
    comparison = Comparison(
        metric=nothing.metric,
        unit=nothing.unit,
        drop=None,
        drop_ci95=None,
        agreement=None,
        size_ratio=len(lowered.baseline) / len(lowered.candidate),
    )
    limits = judge(
        comparison, candidate_size_bytes=len(lowered.candidate), candidate_latency_ms=None, max_size=config.max_size
    )
    vectors = vectors_of(config, samples, lowered.candidate, store=store)
    return Proof(nothing, nothing, comparison, limits=limits, vectors=vectors)
