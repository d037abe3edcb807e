"""What a run found as one record, and the files that tell it: report.json, report.html and the bundle for an app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from edgeswap.bundle.make import Credits, Vectors, make_bundle
from edgeswap.commands.lowered import Lowered
from edgeswap.commands.models import Models
from edgeswap.commands.proof import Proof
from edgeswap.commands.samples import Samples
from edgeswap.config.export import ExportConfig
from edgeswap.data.pictures import pictures
from edgeswap.evaluation.drop_cause import large_drop
from edgeswap.evaluation.input_examples import input_examples
from edgeswap.evaluation.scoring import quality
from edgeswap.progress import Progress
from edgeswap.records import Caution, ExportReport, StageQuality, TaskChoice
from edgeswap.report import html
from edgeswap.store.made_by import versions
from edgeswap.store.run_store import RunStore
from edgeswap.system.partial import write_whole
from edgeswap.system.python_words import in_python_words
from edgeswap.tflite.operator_graph import operator_graph
from edgeswap.tflite.record import candidate_file, model_file
from edgeswap.version import __version__

BUNDLE = "bundle.zip"


def report_of(
    config: ExportConfig,
    *,
    command: Sequence[str],
    models: Models,
    lowered: Lowered,
    proof: Proof,
    store: RunStore,
    progress: Progress,
) -> ExportReport:
    """All that a run found, the gravest caution first; that much was lost is said at once too."""
    splits, scoring, reason = models.samples.splits, models.samples.scoring, models.samples.reason
    told = models.told

    def stage(name: str) -> StageQuality | None:
        scores = models.scores.get(name)
        return None if scores is None else StageQuality(quality=quality(scoring, scores))

    report = ExportReport(
        edgeswap=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=list(command),
        method=told.method,
        precision=config.precision,
        seed=config.seed,
        model=told.source,
        task=TaskChoice(name=scoring.task.name, reason=reason),
        data=splits.record,
        warnings=[*told.cautions, *proof.cautions, *store.cautions],
        activations=told.activations,
        float32=model_file(lowered.baseline_path.name, lowered.baseline, proof.float32),
        float32_swapped=stage("float32_swapped"),
        float32_recovered=stage("float32_recovered"),
        float32_finetuned=stage("float32_finetuned"),
        int8=candidate_file(lowered.candidate_path.name, lowered.candidate, proof.candidate),
        measured=config.measure,
        comparison=proof.comparison,
        compared=list(proof.compared),
        targets=list(proof.results),
        failures=list(proof.failures),
        npus=list(proof.npus),
        edgetpu=proof.edgetpu,
        normalized_by_app=list(splits.preprocess.normalizations),
        ladder=list(told.rungs),
        training=list(told.training),
        weight_scales=config.weight_scales,
        dense_scales_by=config.dense_scales_by,
        left_to_calibration=list(told.left_to_calibration),
        ranges=told.ranges,
        parity=proof.parity,
        input_examples=input_examples(
            splits.test, splits.preprocess, lowered.inside if config.precision == "int8" else None
        ),
        versions=versions(),
        limits=list(proof.limits),
        passed=all(limit.passed for limit in proof.limits) and not proof.failures,
    )
    lost = large_drop(report)
    if lost is not None:
        progress.warn(lost.problem, lost.remedy)
    warnings = report.warnings if lost is None else [lost, *report.warnings]
    return report.model_copy(update={"warnings": warnings if command else list(map(_in_python_words, warnings))})


def _in_python_words(caution: Caution) -> Caution:
    return caution.model_copy(
        update={"problem": in_python_words(caution.problem), "remedy": in_python_words(caution.remedy)}
    )


def write_results(
    config: ExportConfig,
    report: ExportReport,
    samples: Samples,
    tflite_model: bytes,
    folder: Path,
    *,
    vectors: Vectors | None,
    layers: Mapping[str, str],
    progress: Progress,
) -> None:
    """Write the report in both forms, and with golden `vectors` the bundle; `layers` as `operator_graph` takes them.

    Raises:
        DataError: the class names cannot be labels.
    """
    splits = samples.splits
    write_whole(folder / "report.json", (report.model_dump_json(by_alias=True, indent=2) + "\n").encode())
    comparison = report.comparison
    named = {sample.index for sample in (*comparison.worst_samples, *comparison.flipped)}
    named |= {example.index for example in report.input_examples}
    shown = pictures(splits.test, sorted(named))
    write_whole(folder / "report.html", html.render(report, shown, operator_graph(tflite_model, layers)).encode())
    if vectors is None:
        return
    credits = Credits(config.description, config.author, config.license)
    with progress.step("Make the bundle"):
        shown_as = samples.scoring.task.shown
        bundle = make_bundle(tflite_model, report, splits.test, vectors, shown=shown_as, credits=credits)
    write_whole(folder / BUNDLE, bundle)
