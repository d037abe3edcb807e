"""The candidate: the float model as it goes to the converter, for int8 with fake-quant, trained or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeswap.commands.fine_tuning import QAT_LEARNING_RATE, fine_tune
from edgeswap.commands.float_models import FloatModels
from edgeswap.commands.save_trained import keep_float_model, keep_qat_model
from edgeswap.commands.source import Source, input_ranges
from edgeswap.config.export import ExportConfig
from edgeswap.conversion.convert import Conversion
from edgeswap.evaluation.predictions import predict
from edgeswap.evaluation.scoring import Scores
from edgeswap.graph.build import build
from edgeswap.graph.layer_names import given_names
from edgeswap.progress import Progress
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.checkpoint import require_savable
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import counted, resolve
from edgeswap.records import Caution, Ranges
from edgeswap.system.partial import CONTROL


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is converted to the candidate; of int8 also what is known of its ranges.

    Attributes:
        conversion: the model, and how it is converted.
        left_to_calibration: layers whose ranges the converter sets.
        ranges: how the ends of ranges came about; None for a precision that the converter alone quantizes to.
        given_names: name of a layer of the model to the one that the user gave it.
        control: scores of the float model, trained as the candidate was, on the test samples; None without training.
        cautions: what a reader must know of it.
    """

    conversion: Conversion
    left_to_calibration: Sequence[str] = ()
    ranges: Ranges | None = None
    given_names: Mapping[str, str] = field(default_factory=dict)
    control: Scores | None = None
    cautions: tuple[Caution, ...] = ()


def make_candidate(
    config: ExportConfig, source: Source, floats: FloatModels, folder: Path, *, progress: Progress
) -> Candidate:
    """Insert fake-quants into the final float model, and for QAT train it, with a float control beside it.

    Args:
        config: precision, method and how ranges are set.
        source: whose inputs tell which of them the preprocessing bounds.
        floats: the graph to quantize, and the samples.
        folder: where trained models are written at once.
        progress: told of every step.

    Raises:
        ModelError: the fake-quant model is to be saved and cannot be.
    """
    splits, representative = floats.splits, floats.splits.representative
    if config.precision != "int8":  # quantized by the converter alone, so that no layer is an exception
        samples = representative if config.precision == "int16x8" else None
        with progress.step("Build the network"):
            return Candidate(Conversion(build(floats.graph), config.precision, samples))

    scales = {
        "per_channel_dense": config.dense_scales_or_default == "per-channel",
        "per_channel": config.weight_scales == "per-channel",
    }
    placement = place(floats.graph, input_ranges=input_ranges(source, splits), **scales)
    trains = config.method == "qat"
    observed = calibrate(placement, representative, progress=progress)
    ranges = resolve(placement, observed, config.ranges, trains=trains)
    with progress.step("Insert fake-quants"):
        model = quantize(placement, ranges)
    if config.save_qat:
        require_savable(model)
    control: Scores | None = None
    cautions: tuple[Caution, ...] = ()
    if trains:
        model, control, cautions = _trained_beside_control(config, floats, model, folder, progress)
    # Where every range is placed, the converter asks for samples and needs but one.
    enough = representative if placement.left_to_calibration else [array[:1] for array in representative]
    return Candidate(
        Conversion(
            model,
            "int8",
            enough,
            per_channel_dense=scales["per_channel_dense"],
            per_channel=scales["per_channel"],
        ),
        placement.left_to_calibration,
        Ranges(policy=config.ranges, **counted(ranges)),
        given_names(placement.graph),
        control,
        cautions,
    )


def _trained_beside_control(
    config: ExportConfig, floats: FloatModels, fake_quant_model: Any, folder: Path, progress: Progress
) -> tuple[Any, Scores, tuple[Caution, ...]]:
    """The fake-quant model after QAT; and the scores of the control, the float model trained the same.

    The float model teaches both: labels alone would pull away from it, and know nothing of most outputs.
    """
    splits, keeps = floats.splits, config.output is not None
    with progress.step("Build the network"):
        float_model = build(floats.graph)

    def tuned(model: Any, title: str) -> Any:
        return fine_tune(
            model,
            splits,
            floats.scoring,
            title=title,
            epochs=config.epochs,
            learning_rate=QAT_LEARNING_RATE,
            seed=config.seed,
            loss=config.loss,
            teacher=float_model,
            progress=progress,
        )

    control = tuned(float_model, "Train the float32 control")
    cautions: tuple[Caution, ...] = ()
    if keeps:
        normalizations = splits.preprocess.normalizations
        cautions = keep_float_model(control, folder / CONTROL, normalizations=normalizations, progress=progress)
    said = predict(
        control, splits.test, splits.preprocess, floats.scoring, title="Test float32, finetuned", progress=progress
    )
    qat_model = tuned(fake_quant_model, "Quantization-aware training")
    if keeps:
        cautions += keep_qat_model(qat_model, folder, must=config.save_qat, progress=progress)
    return qat_model, said, cautions
