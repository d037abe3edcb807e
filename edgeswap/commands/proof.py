"""The proof: both .tflite files measured on every target, compared with each other and with fake-quant, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeswap.commands.candidate import Candidate
from edgeswap.commands.converted import Converted
from edgeswap.config.export import ExportConfig
from edgeswap.data.splits import Splits
from edgeswap.evaluation.comparison import compare
from edgeswap.evaluation.device_samples import write_evaluation
from edgeswap.evaluation.limits import judge
from edgeswap.evaluation.parity import parity
from edgeswap.evaluation.predictions import model_inputs
from edgeswap.progress import Progress
from edgeswap.records import Caution, Comparison, Limit, Parity, TargetFailure, TargetResult
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.delegated import Delegated, delegated
from edgeswap.targets.estimates import Estimates, estimate_all
from edgeswap.targets.measure import Predictions
from edgeswap.targets.measure_all import Outcome, measure_all
from edgeswap.targets.names import open_targets


@dataclass(frozen=True, eq=False)
class Proof:
    """What was measured, and what it says.

    Attributes:
        taken: the candidate as the delegate takes it.
        outcome: of every target.
        accurate: of the target that models are compared by.
        estimates: of compilers for NPUs.
        comparison: of the candidate with the baseline.
        parity: of fake-quant with the candidate; None for a precision without fake-quant.
        limits: that the user set.
        cautions: what a reader must know of it.
    """

    taken: Delegated
    outcome: Outcome
    accurate: TargetResult
    estimates: Estimates
    comparison: Comparison
    parity: Parity | None
    limits: Sequence[Limit]
    cautions: tuple[Caution, ...]

    @property
    def failures(self) -> list[TargetFailure]:
        """Targets that gave nothing."""
        return [*self.taken.failures, *self.outcome.failures, *self.estimates.failures]


def prove(
    config: ExportConfig,
    splits: Splits,
    candidate: Candidate,
    converted: Converted,
    folder: Path,
    *,
    progress: Progress,
) -> Proof:
    """Measure both files with the test samples, compare what they said, and hold it against the limits.

    Args:
        config: targets, delegate and limits.
        splits: the test samples.
        candidate: what was converted, and what its control says.
        converted: the files.
        folder: where compilers write.
        progress: told of every target.

    Raises:
        TargetError: not one target gave figures.
    """
    taken = delegated(config.delegate, converted.candidate_path, folder, progress=progress)
    outcome = _measured(config, splits, converted, taken, progress)
    estimates = estimate_all(config.target, converted.candidate, folder, progress=progress)
    (figures,) = outcome.accuracy.candidates
    said = figures.predictions
    assert said is not None  # an evaluation file always gives them
    comparison = compare(
        said.labels,
        said.baseline,
        said.candidate,
        baseline_size_bytes=len(converted.baseline),
        candidate_size_bytes=len(converted.candidate),
        control_predictions=None if candidate.control is None else candidate.control[said.indices],
    )
    agreed, caution = _parity(splits, candidate, converted, said, progress)
    return Proof(
        taken,
        outcome,
        figures.result,
        estimates,
        comparison,
        agreed,
        _limits(config, converted, outcome, comparison),
        () if caution is None else (caution,),
    )


def _measured(
    config: ExportConfig, splits: Splits, converted: Converted, taken: Delegated, progress: Progress
) -> Outcome:
    with scratch_folder() as scratch:
        evaluation = scratch / "evaluation.npz"
        mapping = write_evaluation(splits.test, splits.preprocess, evaluation)
        return measure_all(
            open_targets(config.target, keep=config.keep),
            [converted.baseline_path, taken.candidate],
            evaluation,
            preprocess=mapping,
            samples=config.target_samples,
            threads=config.threads,
            delegate=taken.delegate,
            notes=taken.notes,
            names=("float32", config.precision),
            progress=progress,
        )


def _parity(
    splits: Splits, candidate: Candidate, converted: Converted, said: Predictions, progress: Progress
) -> tuple[Parity | None, Caution | None]:
    """The fake-quant model against the int8 file; None for a precision that has no such model."""
    if candidate.ranges is None:
        return None, None
    found, caution = parity(
        candidate.conversion.model,
        converted.candidate,
        read=lambda rows: model_inputs(splits.test, splits.preprocess, said.indices[rows], as_app=True),
        classes=said.candidate,
        progress=progress,
    )
    if caution is not None:
        progress.warn(caution.problem, caution.remedy)
    worst = found.worst_layer
    return found.model_copy(update={"worst_layer": worst and candidate.given_names.get(worst, worst)}), caution


def _limits(config: ExportConfig, converted: Converted, outcome: Outcome, comparison: Comparison) -> list[Limit]:
    first = None if outcome.first is None else outcome.first.candidates[0].result
    return judge(
        comparison,
        candidate_size_bytes=len(converted.candidate),
        candidate_latency_ms=None if first is None or first.int8.latency_ms is None else first.int8.latency_ms.p50,
        max_drop=config.max_drop,
        # A first target that failed has no latency to hold against it; the run has not passed for that alone.
        max_latency_ms=None if first is None else config.max_latency_ms,
        max_size=config.max_size,
    )
