"""A drop that is no chance and too large to pass in silence: the warning, with the likeliest cause."""

from __future__ import annotations

from edgeswap.quantization.feature_steps import INPUT_SCALE
from edgeswap.records import Caution, ExportReport

LARGE_DROP = "large_drop"
LARGE_POINTS = 2.0
# Kinds of warnings, given before training, that explain a large drop by themselves.
CAUSES = frozenset({INPUT_SCALE})
FEW_CALIBRATION_SAMPLES = 100
POOR_AGREEMENT = 0.95


def large_drop(report: ExportReport) -> Caution | None:
    """The warning that a report needs where int8 is much worse than float32; None where it is not.

    The cause is looked for where most of the drop came about: in the swap, in training, which the control has had too,
    or in quantization. There it is the first that the run knows of, from the surest to the likeliest.

    Args:
        report: of the run, with the warnings that it has so far.
    """
    comparison = report.comparison
    drop = comparison.top1_drop
    if drop is None or drop <= LARGE_POINTS or comparison.can_be_chance:
        return None
    cause, remedy = _cause(report)
    problem = (
        f"The {report.precision} model is right on {drop:.1f} percentage points fewer samples than float32, more than "
        f"chance would explain. {cause}"
    )
    return Caution(kind=LARGE_DROP, problem=problem, remedy=remedy)


def _cause(report: ExportReport) -> tuple[str, str]:
    """The likeliest cause and what to do about it, a sentence or two each."""
    steps = _steps(report)
    worst = max(steps, key=lambda name: steps[name])
    share = f"{steps[worst]:.1f} points of it"
    if worst == "swap" and report.float32_recovered is None:
        return (
            f"{share} are there in float32 right after the swap, which nothing has trained.",
            "Fine-tune after it: give --recover-epochs.",
        )
    if worst == "swap":
        return (
            f"{share} are there in float32 after the swap and its recovery.",
            "Give more --recover-epochs or more data, or swap fewer activations.",
        )
    if worst == "training":
        return (
            f"{share} came with the training itself: the float32 control, trained alike, lost them too.",
            "Give more or other training data, fewer --epochs, or --method ptq.",
        )
    cause, remedy = _cause_in_quantization(report)
    return f"{share} came with the {_bits(report)}. {cause}", remedy


def _bits(report: ExportReport) -> str:
    return {"int8": "8 bits", "int16x8": "8 bits of the weights", "float16": "16 bits of the weights"}[report.precision]


def _steps(report: ExportReport) -> dict[str, float]:
    """Points of top-1 lost at each step from the model as it was given to the candidate."""
    after_swap = report.float32_recovered or report.float32_swapped
    stages = (("swap", after_swap), ("training", report.float32_finetuned), ("quantization", report.int8))
    steps, before = {}, report.float32.accuracy.top1
    for name, stage in stages:
        top1 = None if stage is None else stage.accuracy.top1
        if top1 is not None and before is not None:
            steps[name] = 100 * (before - top1)
            before = top1
    return steps


def _cause_in_quantization(report: ExportReport) -> tuple[str, str]:
    found = report.parity
    explained = next((caution for caution in report.warnings if caution.kind in CAUSES), None)
    if explained is not None:
        return f"The likeliest cause: {explained.problem}", explained.remedy
    if report.left_to_calibration:
        first = report.left_to_calibration[0]
        return (
            f"The likeliest cause: edgeswap does not know layer {first!r}, so the converter's calibration set its "
            "range, and training could not adapt to it.",
            "Write it with layers of Keras, or calibrate on more samples.",
        )
    if found is not None and found.agreement is not None and found.agreement < POOR_AGREEMENT and found.worst_layer:
        return (
            f"The int8 model gives another class than the fake-quant model on {1 - found.agreement:.1%} of samples; "
            f"the layer where they part most is {found.worst_layer!r}.",
            "Please report it with the model's structure: the two should agree.",
        )
    if report.data.calibration.samples < FEW_CALIBRATION_SAMPLES:
        return (
            f"The likeliest cause: ranges were observed on {report.data.calibration.samples} samples only.",
            f"Calibrate on {FEW_CALIBRATION_SAMPLES} or more that are like those of the test.",
        )
    if report.method == "ptq":
        return (
            "The model was not trained for them.",
            "Train it with --method qat." if report.precision == "int8" else "Choose another --precision.",
        )
    return "The training for them was not enough.", "Give more --epochs or more training data."
