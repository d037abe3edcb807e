"""The warning about a large drop that is more than chance, with its likeliest cause."""

from __future__ import annotations

import math

from edgeswap.data.value_ranges import VALUE_RANGES
from edgeswap.evaluation.worth_telling import large_from
from edgeswap.quantization.feature_steps import INPUT_SCALE, OUTPUT_OFFSET
from edgeswap.records import Caution, ExportReport
from edgeswap.tasks.titles import title

LARGE_DROP = "large_drop"
# Without labels: noise of a tenth of the signal's power. Int8 of networks that keep their quality has 15 dB or more.
POOR_DB = 10.0
FEW_CALIBRATION_SAMPLES = 100
POOR_AGREEMENT = 0.95


def large_drop(report: ExportReport) -> Caution | None:
    """The warning of a report in which int8 is much worse than float32; None if it is not.

    Samples in different scales explain every step. Else the step with the largest part of the drop gives the cause: the
    swap, the training (which the control had too) or quantization. Within quantization it is the first known cause,
    from the surest to the least sure.

    Args:
        report: the report with its other warnings.
    """
    comparison = report.comparison
    drop = comparison.drop
    if drop is None:
        return _far_from_float32(report)
    if drop <= large_from(comparison, report.float32.quality) or comparison.can_be_chance:
        return None
    cause, remedy = _cause(report)
    points = comparison.unit == "share"
    than = f"{drop:.1f} percentage points below" if points else f"{drop:.3g} worse than"
    problem = (
        f"{report.precision} {title(comparison.metric)} is {than} float32, which is more than chance would explain. "
        f"{cause}"
    )
    return Caution(kind=LARGE_DROP, problem=problem, remedy=remedy)


def _far_from_float32(report: ExportReport) -> Caution | None:
    """The warning where no label tells a drop, but an output has little to do with float32's any more."""
    noisy = [one for one in report.comparison.outputs if one.snr_db is not None and one.snr_db < POOR_DB]
    if not noisy:
        return None
    worst = min(noisy, key=lambda one: math.inf if one.snr_db is None else one.snr_db)
    if _apart_from_fake_quant(report) is None and (report.activations.swapped or report.method == "qat"):
        cause = "The swap or the training changed what the network gives."
        remedy = "Give test samples with labels: they tell whether this is a loss."
    else:
        cause, remedy = _cause_in_quantization(report)
    problem = (
        f"{report.precision} output {worst.name!r} is far from float32: signal-to-noise ratio {worst.snr_db:.1f} dB. "
        f"{cause}"
    )
    return Caution(kind=LARGE_DROP, problem=problem, remedy=remedy)


def _cause(report: ExportReport) -> tuple[str, str]:
    """The likeliest cause and its remedy, one or two sentences each."""
    steps = _steps(report)
    worst = max(steps, key=lambda name: steps[name])
    points = report.comparison.unit == "share"
    share = f"{steps[worst]:.1f} points of the drop" if points else f"{steps[worst]:.3g} of the difference"
    explained = _explained(report, VALUE_RANGES)
    if explained is not None:
        return f"Likeliest cause: {explained.problem}", explained.remedy
    if worst == "swap" and report.float32_recovered is None:
        return (
            f"{share} come from the swap, after which the float32 model was not fine-tuned.",
            "Fine-tune after the swap: pass --recover-epochs.",
        )
    if worst == "swap":
        return (
            f"{share} come from the swap: float32 has them after its recovery too.",
            "Pass more --recover-epochs, give more data, or swap fewer activations.",
        )
    if worst == "training":
        return (
            f"{share} come from the extra training: the float32 control, which had it too, also lost them.",
            "Give more or other training data, pass fewer --epochs, or pass --method ptq.",
        )
    cause, remedy = _cause_in_quantization(report)
    return f"{share} come from quantization to {_bits(report)}. {cause}", remedy


def _explained(report: ExportReport, kind: str) -> Caution | None:
    """The warning of a kind that, given before training, explains a large drop by itself."""
    return next((caution for caution in report.warnings if caution.kind == kind), None)


def _bits(report: ExportReport) -> str:
    return {"int8": "int8", "int16x8": "int8 weights", "float16": "float16 weights"}[report.precision]


def _steps(report: ExportReport) -> dict[str, float]:
    """What was lost at each step from the baseline to the candidate: points of a share, else in the metric's unit."""
    after_swap = report.float32_recovered or report.float32_swapped
    stages = (("swap", after_swap), ("training", report.float32_finetuned), ("quantization", report.int8))
    first = report.float32.quality
    assert first is not None  # an export always has test samples
    factor = (100 if first.unit == "share" else 1) * (1 if first.higher_is_better else -1)
    steps, before = {}, first.value
    for name, stage in stages:
        value = None if stage is None or stage.quality is None else stage.quality.value
        if value is not None and before is not None:
            steps[name] = factor * (before - value)
            before = value
    return steps


def _cause_in_quantization(report: ExportReport) -> tuple[str, str]:
    explained = _explained(report, INPUT_SCALE) or _explained(report, OUTPUT_OFFSET)
    if explained is not None:
        return f"Likeliest cause: {explained.problem}", explained.remedy
    if report.left_to_calibration:
        first = report.left_to_calibration[0]
        return (
            f"Likeliest cause: edgeswap has no range rule for layer {first!r}, so the converter's calibration set its "
            "range, and training could not adapt to it.",
            "Write it with Keras layers, or calibrate on more samples.",
        )
    if (apart := _apart_from_fake_quant(report)) is not None:
        return apart, "Report this with the structure of the model: the two models should agree."
    if report.data.calibration.samples < FEW_CALIBRATION_SAMPLES:
        return (
            f"Likeliest cause: only {report.data.calibration.samples} calibration samples set the ranges.",
            f"Calibrate on {FEW_CALIBRATION_SAMPLES} or more samples that are like the test samples.",
        )
    if report.method == "ptq":
        return (
            f"The model was not trained for {report.precision}.",
            "Train it with --method qat." if report.precision == "int8" else "Choose another --precision.",
        )
    return f"The training for {report.precision} was not enough.", "Pass more --epochs, or give more training data."


def _apart_from_fake_quant(report: ExportReport) -> str | None:
    """What differs between int8 and its fake-quant model, where that is much."""
    found = report.parity
    if found is None or not found.worst_layer:
        return None
    if found.agreement is not None and found.agreement < POOR_AGREEMENT:
        what = f"another class than its fake-quant model on {1 - found.agreement:.1%} of samples"
    elif any(one.snr_db is not None and one.snr_db < POOR_DB for one in found.outputs):
        what = "other values than its fake-quant model"
    else:
        return None
    return f"The int8 model gives {what}; layer {found.worst_layer!r} differs most."
