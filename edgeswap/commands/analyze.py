"""`analyze`: for each layer what int8 costs, why, and what helps. PTQ by fake-quant, no training."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import numpy as np

from edgeswap.commands.ladder import easier_to_quantize, scales_of
from edgeswap.commands.opened import Opened, with_samples
from edgeswap.commands.source import input_ranges, open_source
from edgeswap.config.analyze import AnalyzeConfig
from edgeswap.data.calibration import choose
from edgeswap.evaluation.layer_analysis import Analysis, analyze_layers
from edgeswap.evaluation.layer_cost import Samples
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.scoring import take
from edgeswap.graph.layer_names import errors_in_given_names, given_names
from edgeswap.progress import Progress, Silent
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.ranges import resolve
from edgeswap.records import AnalyzeReport, TaskChoice
from edgeswap.report.analyzed_html import render
from edgeswap.report.model_explorer import node_data
from edgeswap.system.output import staged_folder
from edgeswap.tflite.layer_tensors import layer_tensors
from edgeswap.version import __version__


def analyze(config: AnalyzeConfig, *, command: Sequence[str] = (), progress: Progress | None = None) -> AnalyzeReport:
    """Tell for each layer what int8 costs; with `config.output` a folder of the report appears whole or not at all.

    Args:
        config: which model, on which samples.
        command: what the user typed, for the report.
        progress: told of every step.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    progress = progress or Silent()
    if config.output is None:
        return _analyzed(config, command, progress)
    with staged_folder(config.output, overwrite=config.overwrite) as folder:
        report = _analyzed(config, command, progress)
        written = report.model_dump_json(by_alias=True, indent=2) + "\n"
        (folder / "analysis.json").write_text(written, encoding="utf-8")
        (folder / "analysis.html").write_text(render(report), encoding="utf-8")
        (folder / "model_explorer.json").write_text(node_data(report), encoding="utf-8")
    return report


def _analyzed(config: AnalyzeConfig, command: Sequence[str], progress: Progress) -> AnalyzeReport:
    source = open_source(
        config.model, seed=config.seed, progress=progress, trust=config.trust, custom_objects=config.custom_objects
    )
    with errors_in_given_names(given_names(source.graph)):
        opened = with_samples(config.export, source, progress=progress)
        del source
        representative = opened.splits.representative
        placement = place(
            easier_to_quantize(opened.source.graph, representative, config.export),
            input_ranges=input_ranges(opened.source, opened.splits),
            **scales_of(config.export),
        )
        observed = calibrate(placement, representative, progress=progress)
        ranges = resolve(placement, observed, config.ranges, trains=False)
        samples = _samples(opened, config)
        found = analyze_layers(placement, ranges, samples, opened.scoring, policy=config.ranges, progress=progress)
    return _report(
        config, command, opened, found, left_to_calibration=placement.left_to_calibration, samples=len(samples)
    )


def _samples(opened: Opened, config: AnalyzeConfig) -> Samples:
    """Some of the test samples, as an app would see them, with each class about as often."""
    test = opened.splits.test
    rows = choose(len(test), test.classes, config.samples, config.seed)
    inputs = model_inputs(test, opened.splits.preprocess, rows, as_app=True)
    return Samples([np.asarray(array, np.float32) for array in inputs], take(test.labels, rows))


def _report(
    config: AnalyzeConfig,
    command: Sequence[str],
    opened: Opened,
    found: Analysis,
    *,
    left_to_calibration: Sequence[str],
    samples: int,
) -> AnalyzeReport:
    names = [layer.output_layer for layer in found.layers if layer.output_layer is not None]
    tensors = {} if config.tflite is None else layer_tensors(config.tflite.read_bytes(), names)
    layers = [layer.model_copy(update={"tensor": tensors.get(layer.output_layer or "")}) for layer in found.layers]
    metric = opened.scoring.metrics[0] if opened.scoring.metrics else None
    parts = None if metric is None else found.scores.parts.get(metric.name)
    value = None if metric is None or parts is None else metric.value(parts)
    known = value is not None and np.isfinite(value)
    return AnalyzeReport(
        edgeswap=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=list(command),
        seed=config.seed,
        model=opened.source.record,
        task=TaskChoice(name=opened.scoring.task.name, reason=opened.reason),
        data=opened.splits.record,
        samples=samples,
        warnings=list(opened.cautions),
        metric=metric.name if metric is not None and known else None,
        unit="none" if metric is None else metric.unit,
        float32_value=value if known else None,
        all=found.all,
        layers=layers,
        on_grid=list(found.on_grid),
        left_to_calibration=list(left_to_calibration),
    )
