"""The models of a run as files, with all that was found while they were made: what measuring and the report need.

Nothing here is a Keras model, so that a run which finds all of it in the store need not start TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from edgeswap.commands.samples import Samples
from edgeswap.evaluation.scoring import Scores
from edgeswap.records import Activations, Caution, ModelSource, Ranges, Record, Rung, TrainingRun
from edgeswap.store.run_store import Key


class Normalization(Record):
    """What an app does to the features of an input, see `edgeswap.graph.feature_normalization`."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


class Told(Record):
    """What the report says of how the models were made.

    Attributes:
        source: the model as it was given.
        names: name of a layer in its tf_keras network to the one that the user gave it.
        class_order: the number of each class among the names that the data have, where another order of them was found
            to be that of the model; None where they stay.
        normalizations: of the inputs that the app normalizes, by name.
        cautions: what a reader must know of the models and their samples.
        activations: what the swap did.
        method: how the candidate was made.
        rungs: what `--method auto` tried.
        training: how each model was trained, in order.
        left_to_calibration: layers whose ranges the converter sets.
        ranges: how the ends of ranges came about; None for a precision that the converter alone quantizes to.
        candidate_names: as `names`, of the fake-quant model.
    """

    source: ModelSource
    names: dict[str, str]
    class_order: tuple[int, ...] | None
    normalizations: dict[str, Normalization]
    cautions: tuple[Caution, ...]
    activations: Activations
    method: Literal["ptq", "qat"]
    rungs: tuple[Rung, ...]
    training: tuple[TrainingRun, ...]
    left_to_calibration: tuple[str, ...]
    ranges: Ranges | None
    candidate_names: dict[str, str]

    @property
    def all_names(self) -> dict[str, str]:
        """Those of both: the files hold layers of either."""
        return {**self.names, **self.candidate_names}


@dataclass(frozen=True, eq=False)
class Converted:
    """What the converter made.

    Attributes:
        baseline: the float32 model as it was given.
        candidate: the quantized one, before it is lowered for a target.
        dynamic: the converter's dynamic-range model of the baseline; None unless `--compare` asks for it.
    """

    baseline: bytes
    candidate: bytes
    dynamic: bytes | None


class KerasModels(NamedTuple):
    """The models behind the files, of tf_keras.

    Attributes:
        final: float32, after swap and recovery; None where nobody asks for it.
        candidate: what was converted to the candidate: for int8 the fake-quant model.
    """

    final: Any
    candidate: Any


@dataclass(frozen=True, eq=False)
class Models:
    """The models of a run.

    Attributes:
        samples: with classes in the model's order, and the preprocessing that the app does.
        told: for the report.
        scores: of `float32_swapped`, `float32_recovered` and `float32_finetuned` on the test samples; those that there
            are.
        converted: the files.
        key: of all this in the run store; None where the store does not keep it.
        keras: the Keras models; where they were not made in this run they are built anew, which takes a while.
    """

    samples: Samples
    told: Told
    scores: Mapping[str, Scores]
    converted: Converted
    key: Key | None
    keras: Callable[[], KerasModels]
