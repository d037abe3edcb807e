"""`export`: the whole way from a Keras model to a measured int8 .tflite. Read this first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from edgeswap.bundle.make import label_lines
from edgeswap.commands.source import Source, normalized_by_app, open_source, train_example, verified
from edgeswap.commands.stages import Run, candidate_name
from edgeswap.compatibility.int8 import require_int8
from edgeswap.config.export import ExportConfig
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.data.splits import DataSpecs, split
from edgeswap.evaluation.comparison import compare, judge
from edgeswap.evaluation.large_drop import large_drop
from edgeswap.graph.build import with_weights_of
from edgeswap.graph.names import errors_in_given_names, given_names
from edgeswap.graph.restored_normalization import with_normalizations
from edgeswap.graph.swap import swap
from edgeswap.model.zoo import digits
from edgeswap.progress import Progress, Silent
from edgeswap.quantization.feature_steps import coarse_features
from edgeswap.quantization.int16x8 import require_int16x8
from edgeswap.records import ExportReport
from edgeswap.report import html
from edgeswap.report.exported import ExportResult
from edgeswap.system.output import recover, staged_folder
from edgeswap.system.partial import BASELINE, CONTROL, QAT_MODEL, RECOVERED, how_to_go_on
from edgeswap.system.room import require_room
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.delegated import delegated
from edgeswap.targets.estimates import estimate_all
from edgeswap.targets.names import lowered_for
from edgeswap.tflite.gate import require_precision
from edgeswap.tflite.lower import lower
from edgeswap.tflite.record import candidate_file, model_file
from edgeswap.version import __version__

BUNDLE = "bundle.zip"


def export(config: ExportConfig, *, command: Sequence[str] = (), progress: Progress | None = None) -> ExportResult:
    """Swap, train, quantize, convert, verify, measure and report; the output folder appears whole or not at all.

    A target that fails takes nothing from the others: it stands in the report's `failures`, and `passed` is false.
    Models are written as soon as they exist. Whatever ends the run early, they are kept beside the output, and the
    error says where and how to go on.

    Args:
        config: what to do; with an `output` of None nothing is written outside of temporary folders.
        command: what the user typed, for the report.
        progress: told of every step.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    progress = progress or Silent()
    if config.output is None:
        with scratch_folder() as folder:
            result = _export(config, folder, command, progress)
        return replace(result, report=_without_files(result.report))
    for partial in recover(config.output):
        progress.warn("An earlier run was killed.", how_to_go_on(partial))
    with staged_folder(config.output, overwrite=config.overwrite, keeps=True) as folder:
        result = _export(config, folder, command, progress)
        for name in (RECOVERED, CONTROL, *(() if config.save_qat else (QAT_MODEL,))):
            (folder / name).unlink(missing_ok=True)  # kept in case the run had ended early
    return replace(result, folder=config.output)


def _without_files(report: ExportReport) -> ExportReport:
    """What compilers made went with the temporary folder."""
    npus = [npu.model_copy(update={"file": None}) for npu in report.npus]
    edgetpu = report.edgetpu and report.edgetpu.model_copy(update={"file": None})
    return report.model_copy(update={"npus": npus, "edgetpu": edgetpu})


def _export(config: ExportConfig, folder: Path, command: Sequence[str], progress: Progress) -> ExportResult:
    """The stages in order, into `folder`."""
    source = open_source(
        config.model, seed=config.seed, progress=progress, trust=config.trust, custom_objects=config.custom_objects
    )
    with errors_in_given_names(given_names(source.graph)):
        return _export_source(config, source, folder, command, progress)


def _export_source(
    config: ExportConfig, source: Source, folder: Path, command: Sequence[str], progress: Progress
) -> ExportResult:
    lacking = require_room(source.weights_bytes)
    swapped = swap(source.graph, config.hidden_activation, config.rules)  # what cannot be is told before training
    planned = swapped.graph if swapped.activations.swapped else source.graph
    doubts = require_int8(planned) if config.precision == "int8" else []
    if config.precision == "int16x8":
        require_int16x8(planned)
    splits = split(
        data_specs(config),
        input_shapes=source.input_shapes,
        classes=source.classes,
        takes_raw_pixels=source.takes_raw_pixels,
        trains=config.trains,
        seed=config.seed,
        progress=progress,
    )
    label_lines(splits.test.class_names, source.classes)  # what cannot be labels is told before training
    source = verified(source, planned, splits.representative, decomposed=config.precision == "int8", progress=progress)
    source = train_example(source, seed=config.seed, progress=progress)
    if config.precision == "int8":
        source, splits = normalized_by_app(source, splits)
    run = Run(config, source, splits, folder, progress)
    coarse = coarse_features(run.observed_inputs()) if config.precision == "int8" else []
    for caution in (*filter(None, [lacking]), *doubts, *splits.cautions, *coarse):
        run.warn(caution)

    baseline = run.build(source.graph)
    run.predict("float32", baseline)
    run = run.with_classes_in_order(baseline)
    splits = run.splits
    run.require_known_data(baseline)

    swapped = swap(source.graph, config.hidden_activation, config.rules)
    graph, float_model = source.graph, baseline
    if swapped.activations.swapped:
        float_model = run.recover(swapped.graph, baseline)
        graph = with_weights_of(swapped.graph, float_model)

    candidate = run.candidate(graph)
    baseline_bytes, candidate_bytes = convert_all(
        [Conversion(baseline, "float32"), candidate.conversion], progress=progress
    )
    run.write(BASELINE, baseline_bytes)
    if config.precision == "int8":
        candidate_bytes = lower(candidate_bytes, runtime=lowered_for(config.target), hard_swish=config.hard_swish)
    run.write(candidate_name(config.precision), candidate_bytes)
    require_precision(candidate_bytes, config.precision, list(given_names(source.graph)))

    taken = delegated(config.delegate, folder / candidate_name(config.precision), folder, progress=progress)
    outcome = run.measure(folder / BASELINE, taken)
    estimates = estimate_all(config.target, candidate_bytes, folder, progress=progress)
    failures = [*taken.failures, *outcome.failures, *estimates.failures]
    (measured,) = outcome.accuracy.candidates
    assert measured.predictions is not None  # an evaluation file always gives them
    classes, first = measured.predictions, None if outcome.first is None else outcome.first.candidates[0].result
    comparison = compare(
        classes.labels,
        classes.baseline,
        classes.candidate,
        baseline_size_bytes=len(baseline_bytes),
        candidate_size_bytes=len(candidate_bytes),
        control_predictions=run.predicted("float32_finetuned", classes.indices),
    )
    compared_with_fake_quant = run.parity(candidate, candidate_bytes, classes)
    limits = judge(
        comparison,
        candidate_size_bytes=len(candidate_bytes),
        candidate_latency_ms=None if first is None or first.int8.latency_ms is None else first.int8.latency_ms.p50,
        max_drop=config.max_drop,
        # A first target that failed has no latency to hold against it; the run has not passed for that alone.
        max_latency_ms=None if first is None else config.max_latency_ms,
        max_size=config.max_size,
    )
    report = ExportReport(
        edgeswap=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=list(command),
        method=config.method,
        precision=config.precision,
        seed=config.seed,
        model=source.record,
        data=splits.record,
        warnings=list(run.warnings),
        activations=swapped.activations,
        float32=model_file(BASELINE, baseline_bytes, measured.result.float32.accuracy),
        float32_swapped=run.stage("float32_swapped"),
        float32_recovered=run.stage("float32_recovered"),
        float32_finetuned=run.stage("float32_finetuned"),
        int8=candidate_file(candidate_name(config.precision), candidate_bytes, measured.result.int8.accuracy),
        comparison=comparison,
        targets=outcome.results(0),
        failures=failures,
        npus=list(estimates.npus),
        edgetpu=taken.mapping,
        normalized_by_app=list(splits.preprocess.normalizations),
        dense_scales_by=config.dense_scales_by,
        left_to_calibration=list(candidate.left_to_calibration),
        ranges=candidate.ranges,
        parity=compared_with_fake_quant,
        limits=limits,
        passed=all(limit.passed for limit in limits) and not failures,
    )
    if (lost := large_drop(report)) is not None:
        run.warn(lost)
        report = report.model_copy(update={"warnings": [lost, *report.warnings]})
    run.write("report.json", (report.model_dump_json(by_alias=True, indent=2) + "\n").encode())
    run.write("report.html", html.render(report).encode())
    if config.precision == "int8":
        run.write(BUNDLE, run.bundle(candidate_bytes, report))
    return ExportResult(
        report,
        with_normalizations(float_model, splits.preprocess.normalizations),
        candidate.conversion.model if config.method == "qat" else None,
        candidate_bytes,
        None,
    )


def data_specs(config: ExportConfig) -> DataSpecs:
    """What the configuration says of data; without a model and data it is the digits example with its own."""
    given = DataSpecs(
        config.data, config.test_data, config.calibration, config.preprocess, config.resize, config.labels
    )
    if config.model is not None or config.data is not None:
        return given
    return replace(
        given,
        data="digits",
        test_data="digits/test" if given.test_data is None else given.test_data,
        preprocess=digits.PREPROCESS if given.preprocess is None else given.preprocess,
    )
