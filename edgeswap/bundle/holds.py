"""What each output of a model holds, and where one value tells two classes apart: read off the `.tflite`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeswap.bundle.apps.facts import Holds
from edgeswap.bundle.manifest import OutputTensor
from edgeswap.errors import ModelError
from edgeswap.tasks.task import Shown
from edgeswap.tflite.flatbuffer import Tensor
from edgeswap.tflite.signature import maker

# Where the second class begins, in real values: half a probability, or the logit of that.
HALF, LOGIT_OF_HALF = 0.5, 0.0
_PROBABILITIES = frozenset({"SOFTMAX", "LOGISTIC"})
_SAME_VALUES = frozenset({"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE"})


def require_shown(shown: Shown, shapes: Sequence[Sequence[int]]) -> None:
    """Refuse outputs that cannot be what the app is to show.

    Args:
        shown: what an app does with the outputs.
        shapes: of the outputs, with the batch of 1.

    Raises:
        ModelError: scores or a class map that are not one output (1, classes) or (1, ..., classes).
    """
    if shown not in ("scores", "scores of each class", "class map"):
        return
    scores = shown != "class map"
    if len(shapes) != 1:
        raise ModelError(
            f"Expected one output of {shown} for the bundle, got {len(shapes)} outputs.",
            "Export the model with --task outputs: the app then gets the real values of every output.",
        )
    if (len(shapes[0]) == 2) != scores:
        expected = "(1, classes)" if scores else "(1, ..., classes)"
        raise ModelError(
            f"Expected an output of shape {expected} for {shown}, got {tuple(shapes[0])}.",
            "Export the model with --task outputs: the app then gets the real values.",
        )


def holds(model: Any, tensor: Tensor, index: int, shown: Shown) -> tuple[Holds, float | None]:
    """What an output holds, and its threshold where a value by itself tells whether a class holds.

    Args:
        model: a `ModelT`, as `flatbuffer.read` gives it.
        tensor: the output.
        index: its number among the tensors.
        shown: what an app does with the outputs.
    """
    if shown == "values" or shown == "image" or shown == "boxes as the model gives them":  # noqa: PLR1714  (for mypy)
        return shown, None
    probabilities = maker(model, index, _SAME_VALUES) in _PROBABILITIES
    threshold = HALF if probabilities else LOGIT_OF_HALF
    said: Holds = "class map" if shown == "class map" else "probabilities" if probabilities else "logits"
    return said, threshold if tensor.shape[-1] == 1 or shown == "scores of each class" else None


def each_by_itself(model: Any) -> bool:
    """Whether the first output has a sigmoid for each of its values, as where several classes can hold at once."""
    return maker(model, int(model.subgraphs[0].outputs[0]), _SAME_VALUES) == "LOGISTIC"


def shown_by(output: OutputTensor) -> Shown:
    """What an app does with an output."""
    if output.holds == "probabilities" or output.holds == "logits":  # noqa: PLR1714  (mypy sees which are left)
        return "scores" if output.threshold is None or output.shape[-1] == 1 else "scores of each class"
    return output.holds
