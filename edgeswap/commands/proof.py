"""The proof: both .tflite files measured on every target, compared with each other and with fake-quant, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeswap.commands.candidate import Candidate
from edgeswap.commands.converted import Converted
from edgeswap.commands.float_models import FloatModels
from edgeswap.config.export import ExportConfig
from edgeswap.data.splits import Splits
from edgeswap.evaluation.comparison import compare
from edgeswap.evaluation.device_samples import write_evaluation
from edgeswap.evaluation.device_scores import score_targets
from edgeswap.evaluation.limits import judge, judge_delegate
from edgeswap.evaluation.parity import parity
from edgeswap.evaluation.predictions import model_inputs
from edgeswap.progress import Progress
from edgeswap.records import BenchCandidate, Caution, Comparison, Limit, Parity, TargetFailure, TargetResult
from edgeswap.store.remembered import remembered
from edgeswap.store.run_store import RunStore
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.delegated import Delegated, delegated
from edgeswap.targets.estimates import Estimates, estimate_all
from edgeswap.targets.measure import Figures
from edgeswap.targets.measure_all import Outcome, measure_all
from edgeswap.targets.names import open_targets
from edgeswap.tflite.flatbuffer import operators, read
from edgeswap.tflite.record import candidate_file

DYNAMIC_RANGE = "dynamic range"


@dataclass(frozen=True, eq=False)
class Proof:
    """What was measured, and what it says.

    Attributes:
        taken: the candidate as the delegate takes it.
        outcome: of every target.
        results: of the targets that gave figures, for the report.
        accurate: of the target that models are compared by.
        estimates: of compilers for NPUs.
        comparison: of the candidate with the baseline.
        compared: of `--compare`.
        parity: of fake-quant with the candidate; None for a precision without fake-quant.
        limits: that the user set.
        cautions: what a reader must know of it.
    """

    taken: Delegated
    outcome: Outcome
    results: Sequence[TargetResult]
    accurate: TargetResult
    estimates: Estimates
    comparison: Comparison
    compared: Sequence[BenchCandidate]
    parity: Parity | None
    limits: Sequence[Limit]
    cautions: tuple[Caution, ...]

    @property
    def failures(self) -> list[TargetFailure]:
        """Targets that gave nothing."""
        return [*self.taken.failures, *self.outcome.failures, *self.estimates.failures]


def prove(
    config: ExportConfig,
    floats: FloatModels,
    candidate: Candidate,
    converted: Converted,
    folder: Path,
    *,
    store: RunStore,
    progress: Progress,
) -> Proof:
    """Measure both files with the test samples, compare what they gave, and hold it against the limits.

    Args:
        config: targets, delegate and limits.
        floats: the test samples, and what models are scored by.
        candidate: what was converted, and the scores of its control.
        converted: the files.
        folder: where compilers write.
        store: of results of earlier runs.
        progress: told of every target.

    Raises:
        TargetError: not one target gave figures.
    """
    splits, scoring = floats.splits, floats.scoring
    taken = delegated(config.delegate, converted.candidate_path, folder, progress=progress)
    with scratch_folder() as scratch:
        outcome = _measured(config, splits, converted, taken, scratch=scratch, store=store, progress=progress)
        scored = score_targets(scoring, outcome, 0, dataset=splits.test, preprocess=splits.preprocess)
        estimates = estimate_all(config.target, converted.candidate, folder, progress=progress)
        accurate = scored[outcome.measured.index(outcome.accuracy)]
        figures = outcome.accuracy.candidates[0]
        comparison = compare(
            scoring,
            accurate.scores,
            baseline_size_bytes=len(converted.baseline),
            candidate_size_bytes=len(converted.candidate),
            control=None if candidate.control is None else candidate.control.subset(figures.indices),
            class_names=splits.test.class_names,
        )
        compared = _compared(floats, converted, outcome)
        by_class = accurate.scores.candidate.decisions is not None
        agreed, caution = _parity(floats, candidate, converted, figures, by_class=by_class, progress=progress)
    return Proof(
        taken,
        outcome,
        [one.result for one in scored],
        accurate.result,
        estimates,
        comparison,
        compared,
        agreed,
        _limits(config, converted, outcome, comparison, [one.result for one in scored], applied=taken.applied),
        () if caution is None else (caution,),
    )


def _measured(
    config: ExportConfig,
    splits: Splits,
    converted: Converted,
    taken: Delegated,
    *,
    scratch: Path,
    store: RunStore,
    progress: Progress,
) -> Outcome:
    """What every target gave; outputs lie in `scratch`."""
    evaluation = scratch / "evaluation.npz"
    mapping = write_evaluation(splits.test, splits.preprocess, evaluation)
    return measure_all(
        [remembered(target, taken.delegate, store) for target in open_targets(config.target, keep=config.keep)],
        [converted.baseline_path, taken.candidate, *([] if converted.dynamic is None else [converted.dynamic_path])],
        evaluation,
        outputs=scratch,
        preprocess=mapping,
        samples=config.target_samples,
        threads=config.threads,
        api=config.api,
        delegate=taken.delegate,
        notes=taken.notes,
        names=("float32", config.precision, DYNAMIC_RANGE),
        progress=progress,
    )


def _compared(floats: FloatModels, converted: Converted, outcome: Outcome) -> list[BenchCandidate]:
    """The dynamic-range model, measured in the same runs; nothing where none was asked for."""
    if converted.dynamic is None:
        return []
    scoring, test = floats.scoring, floats.splits.test
    scored = score_targets(scoring, outcome, 1, dataset=test, preprocess=floats.splits.preprocess)
    accurate = scored[outcome.measured.index(outcome.accuracy)]
    name = converted.dynamic_path.name
    return [
        BenchCandidate(
            name=DYNAMIC_RANGE,
            precision="dynamic_range",
            model=candidate_file(name, converted.dynamic, accurate.result.int8.quality),
            comparison=compare(
                scoring,
                accurate.scores,
                baseline_size_bytes=len(converted.baseline),
                candidate_size_bytes=len(converted.dynamic),
                class_names=test.class_names,
            ),
            targets=[one.result for one in scored],
        )
    ]


def _parity(
    floats: FloatModels,
    candidate: Candidate,
    converted: Converted,
    figures: Figures,
    *,
    by_class: bool,
    progress: Progress,
) -> tuple[Parity | None, Caution | None]:
    """The fake-quant model against the int8 file; None for a precision that has no such model."""
    if candidate.ranges is None:
        return None, None
    splits, scoring = floats.splits, floats.scoring
    found, caution = parity(
        candidate.conversion.model,
        converted.inside,
        read=lambda rows: model_inputs(splits.test, splits.preprocess, figures.indices[rows], as_app=True),
        outputs=figures.candidate,
        names=[output.name for output in scoring.model.outputs],
        by_class=by_class,
        progress=progress,
    )
    if caution is not None:
        progress.warn(caution.problem, caution.remedy)
    worst = found.worst_layer
    return found.model_copy(update={"worst_layer": worst and candidate.given_names.get(worst, worst)}), caution


def _limits(
    config: ExportConfig,
    converted: Converted,
    outcome: Outcome,
    comparison: Comparison,
    results: Sequence[TargetResult],
    *,
    applied: bool,
) -> list[Limit]:
    first = None if outcome.first is None else outcome.first.candidates[0].result
    count = sum(operators(read(converted.candidate)).values())
    of_delegate = judge_delegate(results, applied=applied, operators=count)
    found = judge(
        comparison,
        candidate_size_bytes=len(converted.candidate),
        candidate_latency_ms=None if first is None or first.int8.latency_ms is None else first.int8.latency_ms.p50,
        max_drop=config.max_drop,
        # A first target that failed has no latency to hold against it; the run has not passed for that alone.
        max_latency_ms=None if first is None else config.max_latency_ms,
        max_size=config.max_size,
        candidate_arena_bytes=next(
            (target.int8.micro.arena.total_bytes for target in results if target.int8.micro), None
        ),
        max_arena=config.max_arena,
    )
    return [*found, of_delegate] if config.require_delegate else found
