"""The candidate: the float model as it goes to the converter, for int8 with fake-quant, trained or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edgeswap.commands.float_models import FloatModels
from edgeswap.commands.ladder import climb, scales_of
from edgeswap.commands.source import Source, input_ranges
from edgeswap.config.export import ExportConfig
from edgeswap.conversion.convert import Conversion
from edgeswap.evaluation.activation_ranges import activation_ranges
from edgeswap.evaluation.scoring import Scores
from edgeswap.graph.build import build
from edgeswap.graph.ir import Graph
from edgeswap.graph.layer_names import given_names
from edgeswap.progress import Progress
from edgeswap.quantization.fitted import Fitted
from edgeswap.quantization.ranges import counted
from edgeswap.records import Caution, Ranges, Rung, TrainingRun
from edgeswap.store.run_store import RunStore


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is converted to the candidate; of int8 also what is known of its ranges.

    Attributes:
        conversion: the model, and how it is converted.
        made_of: what that model was built from: for int8 placement and ranges, else the graph.
        left_to_calibration: layers whose ranges the converter sets.
        ranges: how the ends of ranges came about; None for a precision that the converter alone quantizes to.
        given_names: name of a layer of the model to the one that the user gave it.
        control: scores of the float model, trained as the candidate was, on the test samples; None without training.
        cautions: what a reader must know of it.
        method: how it was made.
        rungs: what `--method auto` tried; empty for other methods.
        training: how the control and the candidate were trained; empty without training.
    """

    conversion: Conversion
    made_of: Fitted | Graph
    left_to_calibration: Sequence[str] = ()
    ranges: Ranges | None = None
    given_names: Mapping[str, str] = field(default_factory=dict)
    control: Scores | None = None
    cautions: tuple[Caution, ...] = ()
    method: Literal["ptq", "qat"] = "ptq"
    rungs: tuple[Rung, ...] = ()
    training: tuple[TrainingRun, ...] = ()


def make_candidate(
    config: ExportConfig, source: Source, floats: FloatModels, folder: Path, *, store: RunStore, progress: Progress
) -> Candidate:
    """Insert fake-quants into the final float model, and for QAT train it, with a float control beside it.

    Args:
        config: precision, method and how ranges are set.
        source: whose inputs tell which of them the preprocessing bounds.
        floats: the graph to quantize, and the samples.
        folder: where trained models that the store does not keep are written at once.
        store: of results of earlier runs.
        progress: told of every step.

    Raises:
        ModelError: the fake-quant model is to be saved and cannot be.
    """
    splits, representative = floats.splits, floats.splits.representative
    if config.precision != "int8":  # quantized by the converter alone, so that no layer is an exception
        samples = representative if config.precision == "int16x8" else None
        with progress.step("Build the network"):
            return Candidate(Conversion(build(floats.graph), config.precision, samples), floats.graph)

    climbed = climb(config, floats, input_ranges(source, splits), folder, store=store, progress=progress)
    placement, ranges = climbed.fitted.placement, climbed.fitted.ranges
    enough = representative if placement.needs_samples else [array[:1] for array in representative]
    return Candidate(
        Conversion(climbed.model, "int8", enough, **scales_of(config)),
        climbed.fitted,
        placement.left_to_calibration,
        Ranges(policy=config.ranges, **counted(ranges), activations=activation_ranges(climbed.fitted, climbed.model)),
        given_names(placement.graph),
        climbed.control,
        climbed.cautions,
        climbed.method,
        climbed.rungs,
        climbed.training,
    )
