"""Why a conversion failed, in two sentences: stage, layer, what the converter said for itself, and what to do."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from typing import Any

from edgeswap.conversion.process import WorkerFailedError
from edgeswap.errors import ConversionError

# Stages in which the child has a model in hand: what fails before is no layer's doing.
STAGES_OF_A_MODEL = ("load", "convert", "calibrate", "quantize")


def explain(failure: WorkerFailedError, layers: Sequence[Any]) -> ConversionError:
    """A failed conversion in two sentences.

    Args:
        failure: how the converter's process ended.
        layers: what `bisect` found.
    """
    said = f'; it said "{gist}"' if (gist := _gist(failure)) else ""
    where = f"; the first layer that causes it is {_named(layers[0])}" if len(layers) == 1 else ""
    if len(layers) > 1:
        where = (
            f"; the first layer that causes it is one of the {len(layers)} from {_named(layers[0])} to "
            f"{_named(layers[-1])}"
        )
    return ConversionError(
        f"Expected a .tflite, but in stage {failure.stage!r} the converter {failure.end}{where}{said}.",
        _remedy(failure, layers),
    )


def _remedy(failure: WorkerFailedError, layers: Sequence[Any]) -> str:
    if failure.stage not in STAGES_OF_A_MODEL:
        return "Check the installation of TensorFlow and the output of --debug."
    if failure.way == -signal.SIGKILL:
        return "Give it more memory, or a smaller model or input."
    if not layers:
        return "No single layer causes it: report it with the output of --debug."
    if len(layers) > 1:
        return "Leave out these layers one by one to find it, and see what `edgeswap check` says about them."
    (layer,) = layers
    if layer.__class__.__name__ in _ACTIVATION_CLASSES:
        return f"Swap it for an activation that `edgeswap activations` lists, such as --swap '{layer.name}=relu6'."
    return (
        f"Write {layer.name!r} with other layers, see `edgeswap check`; if TFLite should support it, report it "
        "with what --debug shows."
    )


_ACTIVATION_CLASSES = frozenset(
    ("Activation", "CatalogActivation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU")
)


def _named(layer: Any) -> str:
    return f"{layer.name!r} ({layer.__class__.__name__})"


_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)(?:: (?P<message>.*))?$")
_LOCATION = re.compile(r"\S*: error: (?:loc\(.*\): )?")


def _gist(failure: WorkerFailedError, characters: int = 160) -> str:
    """What the converter said of its failure, without the places in TensorFlow's code; empty where it said nothing.

    A process that was ended from outside has last words too, but they tell of something else.
    """
    raised = [match["message"] for line in failure.words if (match := _RAISED.match(line)) and match["message"]]
    told = [line for line in failure.words if " error: " in line] or [*failure.words]
    last = (raised or (told if failure.way is not None and failure.way >= 0 else []) or [""])[-1]
    line = " ".join(_LOCATION.sub("", last).split()).rstrip(".")
    return line if len(line) <= characters else line[:characters].rsplit(" ", 1)[0] + " ..."
