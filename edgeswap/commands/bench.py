"""`bench`: .tflite files that are there already, measured on targets as an export measures its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timezone

from edgeswap.config.bench import BenchConfig
from edgeswap.config.preflight import require_targets
from edgeswap.data.load import Dataset, load
from edgeswap.data.preprocess import Preprocess
from edgeswap.data.preprocess_choice import preprocess_for
from edgeswap.errors import DataError
from edgeswap.evaluation.bench_files import BenchFile, open_files
from edgeswap.evaluation.comparison import compare
from edgeswap.evaluation.device_samples import write_evaluation
from edgeswap.evaluation.one_answer import one_answer
from edgeswap.evaluation.predictions import near_chance
from edgeswap.progress import Progress, Silent
from edgeswap.records import BenchCandidate, BenchReport, Comparison, DataSource, TargetResult
from edgeswap.system.output import check_file, staged_file
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.delegated import delegated
from edgeswap.targets.estimates import estimate_all
from edgeswap.targets.measure import Predictions
from edgeswap.targets.measure_all import Outcome, measure_all
from edgeswap.targets.names import open_targets
from edgeswap.tflite.interface import Interface
from edgeswap.tflite.record import candidate_file, model_file
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
    baseline, *candidates = models = open_files(config.models)
    second = candidates[0]
    dataset, preprocess = _samples(config, baseline.ends)
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        output = config.output and stack.enter_context(staged_file(config.output, overwrite=config.overwrite))
        evaluation, mapping = None, None
        if dataset is not None and preprocess is not None:
            evaluation = scratch / "evaluation.npz"
            mapping = write_evaluation(dataset, preprocess, evaluation)
        taken = delegated(config.delegate, second.file, scratch, progress=progress)
        outcome = measure_all(
            open_targets(config.target, keep=config.keep),
            [baseline.file, taken.candidate, *(candidate.file for candidate in candidates[1:])],
            evaluation,
            preprocess=mapping,
            samples=config.target_samples,
            threads=config.threads,
            delegate=taken.delegate,
            notes=taken.notes,
            runs=config.runs,
            quick=config.quick,
            names=[model.name for model in models],
            progress=progress,
        )
        estimates = estimate_all(config.target, second.data, scratch, progress=progress)
        compared = [_candidate(outcome, baseline, candidate, which) for which, candidate in enumerate(candidates)]
        report = BenchReport(
            edgeswap=__version__,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            command=list(command),
            baseline=baseline.name,
            baseline_precision=baseline.ends.precision,
            precision=second.ends.precision,
            float32=model_file(
                baseline.file.name, baseline.data, outcome.accuracy.candidates[0].result.float32.accuracy
            ),
            int8=compared[0].model,
            candidates=compared,
            data=None if dataset is None else _source(dataset),
            preprocess=None if preprocess is None else preprocess.name,
            resize=None if dataset is None else dataset.resize,
            comparison=compared[0].comparison,
            targets=compared[0].targets,
            failures=[*taken.failures, *outcome.failures, *estimates.failures],
            # What was compiled goes with the scratch folder.
            npus=[npu.model_copy(update={"file": None}) for npu in estimates.npus],
            edgetpu=taken.mapping and taken.mapping.model_copy(update={"file": None}),
        )
        if output is not None:
            output.write_text(report.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
    return report


def _samples(config: BenchConfig, model: Interface) -> tuple[Dataset | None, Preprocess | None]:
    if config.data is None:
        return None, None
    if model.classes is None:
        raise DataError(
            "Expected a classifier with one output (1, classes) for --data, the models give "
            f"{', '.join(map(str, model.outputs))}.",
            "Leave out --data: latency alone needs none.",
        )
    dataset = load(config.data, input_shapes=model.inputs, classes=model.classes, part="test", resize=config.resize)
    doubt = "a .tflite does not tell what it was trained on"
    return dataset, preprocess_for(dataset, config.preprocess, takes_raw_pixels=False, doubt=doubt)


def _with_doubts(result: TargetResult, baseline: BenchFile, said: Predictions | None) -> TargetResult:
    """The same, with a warning where the baseline knows nothing of the data; an export would have stopped there.

    Here it is no error: the latencies hold all the same.
    """
    found, classes = result.float32.accuracy, baseline.ends.classes
    doubts: list[str] = []
    if classes is not None and found.top1 is not None and near_chance(found, classes):
        doubts.append(
            f"baseline-near-chance: {baseline.name} is right in {found.top1:.1%} of {found.samples} samples, and "
            f"chance is {1 / classes:.1%}. Check --preprocess (it must be the one of the training) and the order of "
            "the classes."
        )
    if said is not None and (alike := one_answer(said.baseline, said.labels, name=baseline.name)) is not None:
        doubts.append(f"one-answer: {alike.problem} {alike.remedy}")
    return result.model_copy(update={"warnings": [*result.warnings, *doubts]})


def _source(dataset: Dataset) -> DataSource:
    return DataSource(source=dataset.source, samples=len(dataset), sha256=dataset.sha256)


def _candidate(outcome: Outcome, baseline: BenchFile, candidate: BenchFile, which: int) -> BenchCandidate:
    accurate, predictions, _ = outcome.accuracy.candidates[which]
    return BenchCandidate(
        name=candidate.name,
        precision=candidate.ends.precision,
        model=candidate_file(candidate.file.name, candidate.data, accurate.int8.accuracy),
        comparison=_comparison(predictions, len(baseline.data), len(candidate.data)),
        targets=[_with_doubts(result, baseline, predictions) for result in outcome.results(which)],
    )


def _comparison(found: Predictions | None, baseline_size_bytes: int, candidate_size_bytes: int) -> Comparison | None:
    if found is None:
        return None
    return compare(
        found.labels,
        found.baseline,
        found.candidate,
        baseline_size_bytes=baseline_size_bytes,
        candidate_size_bytes=candidate_size_bytes,
    )
