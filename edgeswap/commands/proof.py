"""The proof: both .tflite files measured on every target, compared with each other and with fake-quant, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgeswap.bundle.make import Vectors, make_vectors
from edgeswap.commands.lowered import Lowered
from edgeswap.commands.models import Models
from edgeswap.commands.samples import Samples
from edgeswap.config.export import ExportConfig
from edgeswap.evaluation.comparison import compare
from edgeswap.evaluation.device_samples import write_evaluation
from edgeswap.evaluation.device_scores import score_targets
from edgeswap.evaluation.limits import judge, judge_delegate
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.progress import Progress
from edgeswap.records import (
    BenchCandidate,
    Caution,
    Comparison,
    EdgeTpuMapping,
    Limit,
    NpuEstimate,
    Parity,
    Quality,
    TargetFailure,
    TargetResult,
)
from edgeswap.store.forms import PARITY
from edgeswap.store.keys import parity_found
from edgeswap.store.remembered import remembered
from edgeswap.store.run_store import RunStore
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.delegated import Delegated, delegated
from edgeswap.targets.estimates import estimate_all
from edgeswap.targets.host import Host
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
        float32: quality of the baseline, on the target that models are compared by.
        candidate: likewise.
        comparison: of the two.
        results: of the targets that gave figures, for the report.
        npus: estimates of compilers.
        edgetpu: how the Edge TPU takes the candidate; None unless that is the delegate.
        compared: of `--compare`.
        parity: of fake-quant with the candidate; None for a precision without fake-quant.
        limits: that the user set.
        failures: targets that gave nothing.
        cautions: what a reader must know of it.
        vectors: golden ones for the bundle; None where there is no bundle.
    """

    float32: Quality | None
    candidate: Quality | None
    comparison: Comparison
    results: Sequence[TargetResult] = ()
    npus: Sequence[NpuEstimate] = ()
    edgetpu: EdgeTpuMapping | None = None
    compared: Sequence[BenchCandidate] = ()
    parity: Parity | None = None
    limits: Sequence[Limit] = ()
    failures: Sequence[TargetFailure] = ()
    cautions: tuple[Caution, ...] = ()
    vectors: Vectors | None = None


def prove(
    config: ExportConfig,
    models: Models,
    lowered: Lowered,
    folder: Path,
    *,
    store: RunStore,
    progress: Progress,
) -> Proof:
    """Measure both files with the test samples, compare what they gave, and hold it against the limits.

    Args:
        config: targets, delegate and limits.
        models: with the test samples, and what models are scored by.
        lowered: the files.
        folder: where compilers write.
        store: of results of earlier runs.
        progress: told of every target.

    Raises:
        TargetError: not one target gave figures, or this machine cannot run the model for the golden vectors.
    """
    splits, scoring = models.samples.splits, models.samples.scoring
    control = models.scores.get("float32_finetuned")
    taken = delegated(config.delegate, lowered.candidate_path, folder, progress=progress)
    with scratch_folder() as scratch:
        outcome = _measured(config, models, lowered, taken, scratch=scratch, store=store, progress=progress)
        scored = score_targets(scoring, outcome, 0, dataset=splits.test, preprocess=splits.preprocess)
        estimates = estimate_all(config.target, lowered.candidate, folder, progress=progress)
        accurate = scored[outcome.measured.index(outcome.accuracy)]
        figures = outcome.accuracy.candidates[0]
        comparison = compare(
            scoring,
            accurate.scores,
            baseline_size_bytes=len(lowered.baseline),
            candidate_size_bytes=len(lowered.candidate),
            control=None if control is None else control.subset(figures.indices),
            class_names=splits.test.class_names,
        )
        compared = _compared(models, lowered, outcome)
        by_class = accurate.scores.candidate.decisions is not None
        with ThreadPoolExecutor(1) as beside:  # nothing is timed any more
            vectors = beside.submit(vectors_of, config, models.samples, lowered.candidate, store=store)
            agreed, caution = _parity(models, lowered, figures, by_class=by_class, store=store, progress=progress)
    results = [one.result for one in scored]
    return Proof(
        accurate.result.float32.quality,
        accurate.result.int8.quality,
        comparison,
        results,
        estimates.npus,
        taken.mapping,
        compared,
        agreed,
        _limits(config, lowered, outcome, comparison, results, applied=taken.applied),
        [*taken.failures, *outcome.failures, *estimates.failures],
        () if caution is None else (caution,),
        vectors.result(),
    )


def vectors_of(config: ExportConfig, samples: Samples, candidate: bytes, *, store: RunStore) -> Vectors | None:
    """The golden vectors of an int8 candidate's bundle, as this machine's interpreter gives them; else None.

    Raises:
        TargetError: this machine cannot run the model.
    """
    if config.precision != "int8":
        return None
    return make_vectors(
        candidate,
        samples.splits.test,
        samples.splits.preprocess,
        remembered(Host(), None, store),
        shown=samples.scoring.task.shown,
        layers=[output.name for output in samples.scoring.model.outputs],
    )


def _measured(
    config: ExportConfig,
    models: Models,
    lowered: Lowered,
    taken: Delegated,
    *,
    scratch: Path,
    store: RunStore,
    progress: Progress,
) -> Outcome:
    """What every target gave; outputs lie in `scratch`."""
    splits = models.samples.splits
    evaluation = scratch / "evaluation.npz"
    mapping = write_evaluation(splits.test, splits.preprocess, evaluation)
    return measure_all(
        [remembered(target, taken.delegate, store) for target in open_targets(config.target, keep=config.keep)],
        [lowered.baseline_path, taken.candidate, *([] if lowered.dynamic is None else [lowered.dynamic_path])],
        evaluation,
        outputs=scratch,
        preprocess=mapping,
        samples=config.target_samples,
        threads=config.threads,
        api=config.api,
        delegate=taken.delegate,
        notes=taken.notes,
        names=("float32", config.precision, DYNAMIC_RANGE),
        layers=models.told.all_names,
        progress=progress,
    )


def _compared(models: Models, lowered: Lowered, outcome: Outcome) -> list[BenchCandidate]:
    """The dynamic-range model, measured in the same runs; nothing where none was asked for."""
    if lowered.dynamic is None:
        return []
    scoring, splits = models.samples.scoring, models.samples.splits
    test = splits.test
    scored = score_targets(scoring, outcome, 1, dataset=test, preprocess=splits.preprocess)
    accurate = scored[outcome.measured.index(outcome.accuracy)]
    name = lowered.dynamic_path.name
    return [
        BenchCandidate(
            name=DYNAMIC_RANGE,
            precision="dynamic_range",
            model=candidate_file(name, lowered.dynamic, accurate.result.int8.quality),
            comparison=compare(
                scoring,
                accurate.scores,
                baseline_size_bytes=len(lowered.baseline),
                candidate_size_bytes=len(lowered.dynamic),
                class_names=test.class_names,
            ),
            targets=[one.result for one in scored],
        )
    ]


def _parity(
    models: Models, lowered: Lowered, figures: Figures, *, by_class: bool, store: RunStore, progress: Progress
) -> tuple[Parity | None, Caution | None]:
    """The fake-quant model against the int8 file; None for a precision that has no such model."""
    if models.told.ranges is None:
        return None, None
    outputs = [output.array for output in figures.candidate]
    key = models.key and store.key(
        parity_found(models=models.key.digest, outputs=outputs, indices=figures.indices, by_class=by_class)
    )
    found = store.find(key, PARITY)
    if found is None:
        found = _compared_with_fake_quant(models, lowered, figures, by_class=by_class, progress=progress)
        store.keep(key, PARITY, found)
    parity, caution = found
    if caution is not None:
        progress.warn(caution.problem, caution.remedy)
    names, worst = models.told.candidate_names, parity.worst_layer
    given = {
        "worst_layer": worst and names.get(worst, worst),
        "on_grid": [
            one.model_copy(
                update={
                    "layer": names.get(one.layer, one.layer),
                    "weights_layer": one.weights_layer and names.get(one.weights_layer, one.weights_layer),
                }
            )
            for one in parity.on_grid
        ],
        "layer_snr_db": {names.get(name, name): ratio for name, ratio in parity.layer_snr_db.items()},
    }
    return parity.model_copy(update=given), caution


def _compared_with_fake_quant(
    models: Models, lowered: Lowered, figures: Figures, *, by_class: bool, progress: Progress
) -> tuple[Parity, Caution | None]:
    from edgeswap.evaluation.parity import parity  # noqa: PLC0415  (imports TensorFlow)

    splits, scoring = models.samples.splits, models.samples.scoring
    found, caution = parity(
        models.keras().candidate,
        lowered.inside,
        read=lambda rows: model_inputs(splits.test, splits.preprocess, figures.indices[rows], as_app=True),
        outputs=figures.candidate,
        names=[output.name for output in scoring.model.outputs],
        by_class=by_class,
        progress=progress,
    )
    outputs = [
        output.model_copy(
            update={"worst_sample": None if output.worst_sample is None else int(figures.indices[output.worst_sample])}
        )
        for output in found.outputs
    ]
    return found.model_copy(update={"outputs": outputs}), caution


def _limits(
    config: ExportConfig,
    lowered: Lowered,
    outcome: Outcome,
    comparison: Comparison,
    results: Sequence[TargetResult],
    *,
    applied: bool,
) -> list[Limit]:
    first = None if outcome.first is None else outcome.first.candidates[0].result
    count = sum(operators(read(lowered.candidate)).values())
    of_delegate = judge_delegate(results, applied=applied, operators=count)
    found = judge(
        comparison,
        candidate_size_bytes=len(lowered.candidate),
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
