"""The stages of an export that share its model, its data and its settings: each takes models and gives new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.bundle.make import Credits, make_bundle
from edgeswap.commands.source import Source
from edgeswap.config.export import ExportConfig
from edgeswap.conversion.convert import Conversion
from edgeswap.data.splits import Splits
from edgeswap.errors import DataError, ModelError
from edgeswap.evaluation.alternatives import Ask, better_alternative
from edgeswap.evaluation.class_order import class_order
from edgeswap.evaluation.device_samples import write_evaluation
from edgeswap.evaluation.parity import parity
from edgeswap.evaluation.predictions import (
    Classes,
    accuracy,
    model_inputs,
    poor_float_model,
    predict,
    require_above_chance,
)
from edgeswap.graph.build import build
from edgeswap.graph.ir import Graph
from edgeswap.graph.names import given_names
from edgeswap.graph.restored_normalization import with_normalizations
from edgeswap.progress import Progress
from edgeswap.quantization.calibrate import observe
from edgeswap.quantization.checkpoint import UNWRITABLE, require_savable, save
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import counted, settle
from edgeswap.records import (
    CandidatePrecision,
    Caution,
    ExportReport,
    Parity,
    Ranges,
    StageAccuracy,
)
from edgeswap.system.partial import CONTROL, QAT_MODEL, RECOVERED, whole
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.delegated import Delegated
from edgeswap.targets.host import Host
from edgeswap.targets.measure import Predictions
from edgeswap.targets.measure_all import Outcome, measure_all
from edgeswap.targets.names import open_targets
from edgeswap.training.fit import train

# A swap moves the function far, so recovery may go far; QAT and its control begin near where they should end.
RECOVERY_LEARNING_RATE = 1e-3
QAT_LEARNING_RATE = 1e-4
# Measured with MobileNetV2 on an x86-64; another machine bends the time left that is shown, nothing else.
BUNDLE_S = 1.0
BUILD_S_PER_LAYER = 0.012
FAKE_QUANT_S_PER_LAYER = 0.06
KEEP_S_PER_LAYER = 0.06


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is converted to the candidate; of int8 also what is known of its ranges."""

    conversion: Conversion
    left_to_calibration: Sequence[str] = ()
    ranges: Ranges | None = None
    given_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Run:
    """What every stage of one run needs, what the float models on the way say of the test samples, and warnings."""

    config: ExportConfig
    source: Source
    splits: Splits
    folder: Path
    progress: Progress
    predictions: dict[str, Classes] = field(default_factory=dict)
    warnings: list[Caution] = field(default_factory=list)

    def warn(self, caution: Caution) -> None:
        """Say it now and in the report."""
        self.warnings.append(caution)
        self.progress.warn(caution.problem, caution.remedy)

    def write(self, name: str, content: bytes) -> None:
        """Put a file into the output, whole or not at all."""
        with whole(self.folder / name) as part:
            part.write_bytes(content)

    def keep(self, name: str, model: Any) -> Any:
        """Write a trained model at once, in case the run ends early; the model."""
        try:
            with (
                self.progress.step("Keep what is trained", expected_s=KEEP_S_PER_LAYER * len(model.layers)),
                whole(self.folder / name) as part,
            ):
                if name == QAT_MODEL:
                    save(model, part)
                else:  # a float model takes the values as they were given
                    with_normalizations(model, self.splits.preprocess.normalizations).save(part)
        except (*UNWRITABLE, ModelError) as error:
            if name == QAT_MODEL and self.config.save_qat:
                raise
            why = f"Expected to keep {name} in case the run ends early, got: {error}"
            self.warn(Caution(kind="not_kept", problem=why, remedy="All else goes on without it."))
        return model

    def build(self, graph: Graph) -> Any:
        """The tf_keras model of a graph."""
        with self.progress.step("Build the network", expected_s=BUILD_S_PER_LAYER * len(graph.layers)):
            return build(graph)

    def predict(self, stage: str, model: Any) -> None:
        """Note what a float model on the way says of the test samples."""
        splits = self.splits
        title = f"Test {stage.replace('_', ', ')}"
        self.predictions[stage] = predict(model, splits.test, splits.preprocess, title=title, progress=self.progress)

    def with_classes_in_order(self, baseline: Any) -> Run:
        """The run with class folders that are numbers in the order that the float model was trained with."""
        if self.config.labels is not None:
            return self
        splits, ask = self.splits, self.asking(baseline)
        order, caution = class_order(
            [splits.test, splits.train, splits.calibration], lambda data: ask(data, splits.preprocess), self.config.seed
        )
        if caution is not None:
            self.warn(caution)
        return self if order is None else replace(self, splits=splits.with_names(order))

    def require_known_data(self, baseline: Any) -> None:
        """Stop where the float model knows nothing of the test samples, and warn where they seem to be read wrongly.

        A user who knows that, or who set a limit to hold the run to, is only warned.
        """
        predictions, test = self.predictions["float32"], self.splits.test
        found = accuracy(predictions, test.labels)
        better = better_alternative(
            test, self.splits.preprocess, predictions, found, ask=self.asking(baseline), seed=self.config.seed
        )
        try:
            require_above_chance(found, self.source.classes, better)
        except DataError as error:
            if not self.config.allow_chance and self.config.max_drop is None:
                why = "Where it is as it should be, pass --allow-chance."
                raise DataError(error.problem, f"{error.remedy} {why}") from error
            self.warn(Caution(kind="near_chance", problem=error.problem, remedy=error.remedy))
        else:
            if better is not None:
                self.warn(poor_float_model(found, better))

    def asking(self, model: Any) -> Ask:
        """What `model` says of a few samples."""
        return lambda data, preprocess: predict(
            model, data, preprocess, title="Ask the float model", progress=self.progress
        )

    def predicted(self, stage: str, indices: npt.NDArray[np.int64]) -> Classes | None:
        """What a float model on the way said of those test samples that the target was given."""
        predictions = self.predictions.get(stage)
        return None if predictions is None else predictions[indices]

    def stage(self, name: str) -> StageAccuracy | None:
        """The accuracy of a float model on the way; None where there was none."""
        predictions = self.predictions.get(name)
        return None if predictions is None else StageAccuracy(accuracy=accuracy(predictions, self.splits.test.labels))

    def recover(self, graph: Graph, teacher: Any) -> Any:
        """The model of the swapped graph, trained back to what `teacher`, the model as it was given, says."""
        model = self.build(graph)
        self.predict("float32_swapped", model)
        if not self.config.recover_epochs:
            return model
        title = "Recover from the swap"
        how = {"epochs": self.config.recover_epochs, "learning_rate": RECOVERY_LEARNING_RATE, "batch_norm": "updated"}
        recovered = self.keep(RECOVERED, self.train(model, title=title, teacher=teacher, **how))
        self.predict("float32_recovered", recovered)
        return recovered

    def candidate(self, graph: Graph) -> Candidate:
        """What becomes the candidate."""
        precision, representative = self.config.precision, self.splits.representative
        if precision != "int8":  # quantized by the converter alone, so that no layer is an exception
            samples = representative if precision == "int16x8" else None
            return Candidate(Conversion(self.build(graph), precision, samples))
        per_channel_dense = self.config.dense_scales_or_default == "per-channel"
        placement = place(graph, input_ranges=self.input_ranges(), per_channel_dense=per_channel_dense)
        observed = observe(placement, representative, progress=self.progress)
        how: dict[str, Any] = {"policy": self.config.ranges, "trains": self.config.method == "qat"}
        with self.progress.step("Insert fake-quants", expected_s=FAKE_QUANT_S_PER_LAYER * len(placement.graph.layers)):
            fake_quant_model = quantize(placement, observed, **how)
        if self.config.save_qat:
            require_savable(fake_quant_model)
        if self.config.method == "qat":
            fake_quant_model = self.train_with_control(fake_quant_model, graph)
        return Candidate(
            # Where every range is placed, the converter asks for samples and needs but one.
            Conversion(
                fake_quant_model,
                precision,
                representative if placement.left_to_calibration else [x[:1] for x in representative],
                per_channel_dense,
            ),
            placement.left_to_calibration,
            Ranges(policy=self.config.ranges, **counted(settle(placement, observed, **how))),
            given_names(placement.graph),
        )

    def train_with_control(self, fake_quant_model: Any, graph: Graph) -> Any:
        """Quantization-aware training, with the float model of `graph` trained the same as a control."""
        train_data, float_model = self.splits.train, self.build(graph)
        teacher = float_model if train_data is not None and train_data.labels is None else None
        how = {"epochs": self.config.epochs, "learning_rate": QAT_LEARNING_RATE, "teacher": teacher}
        control = self.keep(CONTROL, self.train(float_model, title="Train the float32 control", **how))
        self.predict("float32_finetuned", control)
        return self.keep(QAT_MODEL, self.train(fake_quant_model, title="Quantization-aware training", **how))

    def parity(self, candidate: Candidate, candidate_bytes: bytes, classes: Predictions) -> Parity | None:
        """The fake-quant model against the int8 file; None for a precision that has no such model."""
        if candidate.ranges is None:
            return None
        splits = self.splits
        found = parity(
            candidate.conversion.model,
            candidate_bytes,
            read=lambda rows: model_inputs(splits.test, splits.preprocess, classes.indices[rows], as_app=True),
            classes=classes.candidate,
            warn=self.warn,
            progress=self.progress,
        )
        worst = found.worst_layer
        return found.model_copy(update={"worst_layer": worst and candidate.given_names.get(worst, worst)})

    def train(self, model: Any, **how: Any) -> Any:
        """`model` trained on the training samples as the app will see them; `how` is for `training.fit.train`."""
        data, preprocess = self.splits.train, self.splits.preprocess
        assert data is not None  # the config refuses training without data
        return train(
            model,
            read=lambda indices: model_inputs(data, preprocess, indices, as_app=True),
            count=len(data),
            labels=data.labels,
            seed=self.config.seed,
            progress=self.progress,
            **how,
        )

    def input_ranges(self) -> dict[str, tuple[float, float] | None]:
        """Input name to the range of its int8; None where calibration sets it."""
        quantization = self.splits.preprocess.quantization
        bounds = None if quantization is None else quantization.range
        pixels = self.splits.pixel_inputs or self.source.input_shapes
        return {name: bounds if name in pixels else None for name in self.source.input_shapes}

    def observed_inputs(self) -> dict[str, npt.NDArray[np.float32]]:
        """The calibration samples of every input whose range they set."""
        samples = zip(self.input_ranges().items(), self.splits.representative, strict=True)
        return {name: array for (name, bounds), array in samples if bounds is None}

    def bundle(self, candidate_bytes: bytes, report: ExportReport) -> bytes:
        """The bundle for an app, as a zip."""
        config, splits = self.config, self.splits
        credits = Credits(config.description, config.author, config.license)
        with self.progress.step("Make the bundle", expected_s=BUNDLE_S):
            return make_bundle(candidate_bytes, report, splits.test, splits.preprocess, Host(), credits=credits)

    def measure(self, baseline: Path, candidate: Delegated) -> Outcome:
        """Both models on every target, with the test samples."""
        config = self.config
        with scratch_folder() as scratch:
            evaluation = scratch / "evaluation.npz"
            return measure_all(
                open_targets(config.target, keep=config.keep),
                [baseline, candidate.candidate],
                evaluation,
                preprocess=write_evaluation(self.splits.test, self.splits.preprocess, evaluation),
                samples=config.target_samples,
                threads=config.threads,
                delegate=candidate.delegate,
                notes=candidate.notes,
                names=("float32", config.precision),
                progress=self.progress,
            )


def candidate_name(precision: CandidatePrecision) -> str:
    """Name of the candidate's .tflite in the output folder."""
    return f"model_{precision}.tflite"
