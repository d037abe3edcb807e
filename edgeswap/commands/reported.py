"""What a run found as one record, and the files that tell it: report.json, report.html and the bundle for an app."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from edgeswap.bundle.make import Credits, make_bundle
from edgeswap.commands.candidate import Candidate
from edgeswap.commands.converted import Converted
from edgeswap.commands.float_models import FloatModels
from edgeswap.commands.opened import Opened
from edgeswap.commands.proof import Proof
from edgeswap.config.export import ExportConfig
from edgeswap.data.splits import Splits
from edgeswap.evaluation.drop_cause import large_drop
from edgeswap.evaluation.predictions import Classes, accuracy
from edgeswap.progress import Progress
from edgeswap.records import Caution, ExportReport, StageAccuracy
from edgeswap.report import html
from edgeswap.system.partial import write_whole
from edgeswap.system.python_words import in_python_words
from edgeswap.targets.host import Host
from edgeswap.tflite.record import candidate_file, model_file
from edgeswap.version import __version__

BUNDLE = "bundle.zip"


def report_of(
    config: ExportConfig,
    *,
    command: Sequence[str],
    opened: Opened,
    floats: FloatModels,
    candidate: Candidate,
    converted: Converted,
    proof: Proof,
    progress: Progress,
) -> ExportReport:
    """All that a run found, the gravest caution first; that much was lost is said at once too."""
    splits, measured = floats.splits, proof.accurate

    def stage(said: Classes | None) -> StageAccuracy | None:
        return None if said is None else StageAccuracy(accuracy=accuracy(said, splits.test.classes))

    report = ExportReport(
        edgeswap=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=list(command),
        method=config.method,
        precision=config.precision,
        seed=config.seed,
        model=opened.source.record,
        data=splits.record,
        warnings=[*opened.cautions, *floats.cautions, *candidate.cautions, *proof.cautions],
        activations=floats.activations,
        float32=model_file(converted.baseline_path.name, converted.baseline, measured.float32.accuracy),
        float32_swapped=stage(floats.predictions.get("float32_swapped")),
        float32_recovered=stage(floats.predictions.get("float32_recovered")),
        float32_finetuned=stage(candidate.control),
        int8=candidate_file(converted.candidate_path.name, converted.candidate, measured.int8.accuracy),
        comparison=proof.comparison,
        targets=proof.outcome.results(0),
        failures=proof.failures,
        npus=list(proof.estimates.npus),
        edgetpu=proof.taken.mapping,
        normalized_by_app=list(splits.preprocess.normalizations),
        dense_scales_by=config.dense_scales_by,
        left_to_calibration=list(candidate.left_to_calibration),
        ranges=candidate.ranges,
        parity=proof.parity,
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
    splits: Splits,
    tflite_model: bytes,
    folder: Path,
    *,
    progress: Progress,
) -> None:
    """Write the report in both forms, and of an int8 model the bundle.

    Raises:
        DataError: the class names cannot be labels.
        TargetError: this machine cannot run the model for the bundle's golden outputs.
    """
    write_whole(folder / "report.json", (report.model_dump_json(by_alias=True, indent=2) + "\n").encode())
    write_whole(folder / "report.html", html.render(report).encode())
    if config.precision != "int8":
        return
    credits = Credits(config.description, config.author, config.license)
    with progress.step("Make the bundle"):
        bundle = make_bundle(tflite_model, report, splits.test, splits.preprocess, Host(), credits=credits)
    write_whole(folder / BUNDLE, bundle)
