"""`bench`: .tflite files that are there already, measured on targets as an export measures its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeswap.commands.samples import mask_size
from edgeswap.config.bench import BenchConfig
from edgeswap.config.preflight import require_targets
from edgeswap.data.load import Dataset, load
from edgeswap.data.preprocess import Preprocess
from edgeswap.data.preprocess_choice import preprocess_for
from edgeswap.evaluation.bench_files import BenchFile, open_files
from edgeswap.evaluation.chance import near_chance
from edgeswap.evaluation.comparison import compare
from edgeswap.evaluation.device_samples import write_evaluation
from edgeswap.evaluation.device_scores import DeviceScores, score_targets
from edgeswap.evaluation.limits import judge_delegate
from edgeswap.evaluation.one_answer import one_answer
from edgeswap.evaluation.scoring import Scoring
from edgeswap.evaluation.task_scoring import judged_scoring, require_unlike_labels, with_labels_of
from edgeswap.progress import Progress, Silent
from edgeswap.records import BenchCandidate, BenchReport, DataSource, Limit, TargetResult, TaskChoice
from edgeswap.system.output import check_file, staged_file
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.delegated import Delegated, delegated
from edgeswap.targets.estimates import estimate_all
from edgeswap.targets.measure_all import Outcome, measure_all
from edgeswap.targets.names import open_targets
from edgeswap.tasks.outputs import Signature, named_classes
from edgeswap.tflite.record import candidate_file, model_file
from edgeswap.tflite.signature import signature
from edgeswap.version import __version__


def bench(config: BenchConfig, *, command: Sequence[str] = (), progress: Progress | None = None) -> BenchReport:
    """Measure .tflite files on every target, and compare them with the first of them on the same samples.

    A target that fails stands in the report's `failures`; the others are measured all the same.

    Args:
        config: which models, where, on which samples.
        command: what the user typed, for the report.
        progress: told of every target.

    Raises:
        EdgeswapError: of the kind that says what could not be done; TargetError where not one target gave figures.
    """
    progress = progress or Silent()
    if config.output is not None:
        check_file(config.output, overwrite=config.overwrite)
    require_targets(config)
    models = open_files(config.models)
    baseline, second = models[:2]
    samples = _samples(config, signature(baseline.data))
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        output = config.output and stack.enter_context(staged_file(config.output, overwrite=config.overwrite))
        taken = delegated(config.delegate, second.file, scratch, progress=progress)
        files = [baseline.file, taken.candidate, *(model.file for model in models[2:])]
        outcome = _measured(config, samples, files, taken, scratch=scratch, names=models, progress=progress)
        compared = [_candidate(outcome, samples, baseline, other, which) for which, other in enumerate(models[1:])]
        estimates = estimate_all(config.target, second.data, scratch, progress=progress)
        first = compared[0].targets[outcome.measured.index(outcome.accuracy)]
        report = BenchReport(
            edgeswap=__version__,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            command=list(command),
            baseline=baseline.name,
            baseline_precision=baseline.ends.precision,
            precision=second.ends.precision,
            float32=model_file(baseline.file.name, baseline.data, first.float32.quality),
            int8=compared[0].model,
            candidates=compared,
            data=None if samples is None else _source(samples.dataset),
            task=None if samples is None else TaskChoice(name=samples.scoring.task.name, reason=samples.reason),
            preprocess=None if samples is None else samples.preprocess.name,
            resize=None if samples is None else samples.dataset.resize,
            comparison=compared[0].comparison,
            targets=compared[0].targets,
            failures=[*taken.failures, *outcome.failures, *estimates.failures],
            # What was compiled goes with the scratch folder.
            npus=[npu.model_copy(update={"file": None}) for npu in estimates.npus],
            edgetpu=taken.mapping and taken.mapping.model_copy(update={"file": None}),
            limits=[_of_delegate(compared, taken)] if config.require_delegate else [],
        )
        if output is not None:
            output.write_text(report.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
    return report


def _of_delegate(compared: Sequence[BenchCandidate], taken: Delegated) -> Limit:
    """How all candidates stand to `--require-delegate`."""
    results = [target for candidate in compared for target in candidate.targets]
    operators = sum(compared[0].model.operators.values())
    return judge_delegate(results, applied=taken.applied, operators=operators)


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples with labels as the task takes them, how they are mapped, and what models are scored by."""

    dataset: Dataset
    preprocess: Preprocess
    scoring: Scoring
    reason: str


def _samples(config: BenchConfig, model: Signature) -> Samples | None:
    """None where only latency is measured."""
    if config.data is None:
        return None
    classes = named_classes(model)
    dataset = load(
        config.data,
        input_shapes=model.inputs,
        classes=classes,
        part="test",
        resize=config.resize,
        mask_size=mask_size(model),
    )
    doubt = "a .tflite does not tell what it was trained on"
    preprocess = preprocess_for(dataset, config.preprocess, takes_raw_pixels=False, doubt=doubt)
    scoring, reason = judged_scoring(
        model,
        None if dataset.labels is None else dataset,
        named=config.task,
        metrics=config.metric,
        decode=config.decode,
    )
    dataset = with_labels_of(scoring, dataset)
    require_unlike_labels(scoring, dataset, role="test")
    return Samples(dataset, preprocess, scoring, reason)


def _measured(
    config: BenchConfig,
    samples: Samples | None,
    files: Sequence[Path],
    taken: Delegated,
    *,
    scratch: Path,
    names: Sequence[BenchFile],
    progress: Progress,
) -> Outcome:
    """What every target gave; outputs lie in `scratch`."""
    evaluation, mapping = None, None
    if samples is not None:
        evaluation = scratch / "evaluation.npz"
        mapping = write_evaluation(samples.dataset, samples.preprocess, evaluation)
    return measure_all(
        open_targets(config.target, keep=config.keep),
        files,
        evaluation,
        outputs=scratch,
        preprocess=mapping,
        samples=config.target_samples,
        threads=config.threads,
        api=config.api,
        delegate=taken.delegate,
        notes=taken.notes,
        runs=config.runs,
        quick=config.quick,
        names=[model.name for model in names],
        progress=progress,
    )


def _candidate(
    outcome: Outcome, samples: Samples | None, baseline: BenchFile, candidate: BenchFile, which: int
) -> BenchCandidate:
    """All that is known of the candidate of that number, from 0."""
    if samples is None:
        return BenchCandidate(
            name=candidate.name,
            precision=candidate.ends.precision,
            model=candidate_file(candidate.file.name, candidate.data, None),
            comparison=None,
            targets=[one.candidates[which].result for one in outcome.measured],
        )
    scored = score_targets(samples.scoring, outcome, which, dataset=samples.dataset, preprocess=samples.preprocess)
    accurate = scored[outcome.measured.index(outcome.accuracy)]
    return BenchCandidate(
        name=candidate.name,
        precision=candidate.ends.precision,
        model=candidate_file(candidate.file.name, candidate.data, accurate.result.int8.quality),
        comparison=compare(
            samples.scoring,
            accurate.scores,
            baseline_size_bytes=len(baseline.data),
            candidate_size_bytes=len(candidate.data),
            class_names=samples.dataset.class_names,
        ),
        targets=[
            _with_doubts(own.result, own.scores, samples, baseline, one.candidates[which].indices)
            for own, one in zip(scored, outcome.measured, strict=True)
        ],
    )


def _with_doubts(
    result: TargetResult,
    scores: DeviceScores,
    samples: Samples,
    baseline: BenchFile,
    indices: npt.NDArray[np.int64],
) -> TargetResult:
    """The same, with a warning where the baseline knows nothing of the data; an export would have stopped there.

    Here it is no error: the latencies hold all the same.
    """
    found, said = result.float32.quality, scores.baseline.decisions
    classes = samples.scoring.task.classes(samples.scoring.model)
    if found is None or classes is None or said is None:
        return result
    doubts: list[str] = []
    if found.value is not None and near_chance(found, classes):
        doubts.append(
            f"baseline-near-chance: {baseline.name} is right in {found.value:.1%} of {found.samples} samples, and "
            f"chance is {1 / classes:.1%}. Check --preprocess (it must be the one of the training) and the order of "
            "the classes."
        )
    true = samples.dataset.classes
    if (alike := one_answer(said, None if true is None else true[indices], name=baseline.name)) is not None:
        doubts.append(f"one-answer: {alike.problem} {alike.remedy}")
    return result.model_copy(update={"warnings": [*result.warnings, *doubts]})


def _source(dataset: Dataset) -> DataSource:
    return DataSource(source=dataset.source, samples=len(dataset), sha256=dataset.sha256)
