"""Reconstruction: an output like the input, as of an autoencoder, a denoiser or super-resolution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.tasks.details import Answer, Details, Parts, values_answers
from edgeswap.tasks.label_array import described, label_array, looked_at, only_0_and_1
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs, mean
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.ranking import roc_auc
from edgeswap.tasks.task import Shown

Array = npt.NDArray[Any]

# A vector as long as the input is a signal from here on; a short one may as well be a few values of a regression.
SHORTEST_SIGNAL = 16


@dataclass(frozen=True)
class Reconstruction:
    """One input and one output; labels are none, 0 and 1 for anomalies (N,), or what shall come out. See `Task`.

    Attributes:
        wanted: what the output is held against. `inputs`; `anomalies` is the inputs too, with labels of 1 where the
            error shall be large and 0 elsewhere; `labels` are what shall come out, such as images without noise.
    """

    wanted: Literal["inputs", "anomalies", "labels"] = "inputs"
    name: str = "reconstruction"
    shown: Shown = "image"
    needs: str = "one input, and one output that does not end in a softmax"
    takes: str = "0 or 1 for each sample, where 1 is an anomaly, or what shall come out"
    says: str = "the values, or of many their mean, lowest and highest"

    def can_be(self, model: Signature) -> bool:
        """It has one input and one output that is no softmax."""
        return len(model.inputs) == 1 and len(model.outputs) == 1 and model.outputs[0].head != "softmax"

    def seeing(self, model: Signature, labels: Any | None) -> Reconstruction:
        """This task for a model and the labels that there are, on which the primary metric depends."""
        y = looked_at(labels, model)
        shown: Shown = "image" if len(model.outputs[0].shape) == 3 else "values"
        if y is None:
            return replace(self, wanted="inputs", shown=shown)
        return replace(self, wanted="anomalies" if y.shape[1:] in ((), (1,)) else "labels", shown=shown)

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """An output like the input, without labels, with 0 and 1 for anomalies, or with labels of its shape."""
        y, output = looked_at(labels, model), model.outputs[0]
        if by_folder or not (like_the_input(model) or (y is not None and _enlarged(model))):
            return None
        shape = "an output of the input's shape" if like_the_input(model) else f"an output {output.shape} of images"
        if y is None:
            return f"{shape}, without labels"
        if y.shape[1:] in ((), (1,)) and only_0_and_1(y) and like_the_input(model):
            return f"{shape}, and labels of 0 and 1, which are taken for anomalies"
        if _sizes(y.shape[1:]) == _sizes(output.shape) and y.dtype.kind in "uif" and not only_0_and_1(y):
            return f"{shape}, and labels of that shape"
        return None

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """0 and 1 as int64 (N,), 1 is an anomaly; or float32 of the output's shape."""
        y, shape = label_array(given, model, count, source), model.outputs[0].shape
        if self.wanted != "labels" and y.shape[1:] in ((), (1,)) and only_0_and_1(y):
            return y.reshape(count).astype(np.int64)
        if self.wanted == "labels" and _sizes(y.shape[1:]) == _sizes(shape):
            return y.reshape((count, *shape)).astype(np.float32)
        raise DataError(
            f"Expected labels of 0 and 1, or of shape {(count, *shape)}, in {source}, got {described(y)}.",
            "Give 1 for each anomaly and 0 for the rest, or what the output shall be, or no labels.",
        )

    def classes(self, model: Signature) -> int | None:
        """None."""
        return None

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """PSNR and mean squared error; where anomalies are labelled, first how well the error tells them."""
        inputs = self.wanted != "labels"
        psnr = Metric("psnr", "dB", True, _error_and_range, _psnr, needs_labels=not inputs, needs_inputs=inputs)
        mse = Metric("mse", "none", False, _error, mean, needs_labels=not inputs, needs_inputs=inputs)
        auc = Metric("auc", "share", True, _error_and_label, _auc, needs_inputs=True)
        return (auc, psnr, mse) if self.wanted == "anomalies" else (psnr, mse)

    def decisions(self, outputs: Outputs, model: Signature) -> Array | None:
        """Nothing is decided."""
        return None

    def details(self, parts: Parts, model: Signature) -> Details:
        """Errors and labels for a ROC curve where anomalies are labelled."""
        if "auc" not in parts:
            return Details()
        return Details(ranked=(parts["auc"][:, 0], parts["auc"][:, 1].astype(np.int64)))

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """The values, or what they are in the mean and at their ends."""
        return values_answers(outputs[0], model.outputs[0].name)

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, Array]:
        """The labels, where they are what shall come out."""
        return {0: labels} if self.wanted == "labels" else {}


def like_the_input(model: Signature) -> bool:
    """Whether the one output has the shape of the one input, is no softmax, and is more than a few values."""
    if len(model.inputs) != 1 or len(model.outputs) != 1 or model.outputs[0].head == "softmax":
        return False
    (shape,) = model.inputs.values()
    output = model.outputs[0].shape
    return _sizes(shape) == _sizes(output) and (len(output) > 1 or math.prod(output) >= SHORTEST_SIGNAL)


def is_signal(model: Signature) -> bool:
    """Whether the one output is like the input, or an enlarged image of it."""
    return like_the_input(model) or _enlarged(model)


def _enlarged(model: Signature) -> bool:
    """Whether the output is an image of the input's channels and of a multiple of its height and width."""
    (shape,) = model.inputs.values() if len(model.inputs) == 1 else ((),)
    output = model.outputs[0].shape
    if len(shape) != 3 or len(output) != 3 or shape[2] != output[2] or shape[2] not in (1, 3, 4):
        return False
    return all(larger > size and larger % size == 0 for size, larger in zip(shape[:2], output[:2], strict=True))


def _sizes(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]


def _wanted(outputs: Outputs, labels: Labels, inputs: Inputs) -> tuple[npt.NDArray[np.float64], Array]:
    wanted = inputs[0] if labels is None or np.ndim(labels) == 1 else labels
    rows = np.asarray(wanted, np.float64).reshape(len(outputs[0]), -1)
    return rows, ((np.asarray(outputs[0], np.float64).reshape(rows.shape) - rows) ** 2).mean(axis=1)


def _error(outputs: Outputs, labels: Labels, inputs: Inputs) -> Array:
    return _wanted(outputs, labels, inputs)[1]


def _error_and_range(outputs: Outputs, labels: Labels, inputs: Inputs) -> Array:
    wanted, error = _wanted(outputs, labels, inputs)
    return np.stack([error, wanted.min(axis=1), wanted.max(axis=1)], axis=1)


def _error_and_label(outputs: Outputs, labels: Labels, inputs: Inputs) -> Array:
    return np.stack([_wanted(outputs, labels, inputs)[1], labels], axis=1)


def _psnr(parts: Array) -> float:
    """10 log10 of the squared range of what is wanted over the mean squared error, of all samples together."""
    error, peak = float(parts[:, 0].mean()), float(parts[:, 2].max() - parts[:, 1].min())
    if peak == 0:
        return math.nan
    return 10 * math.log10(peak**2 / error) if error else math.inf


def _auc(parts: Array) -> float:
    return roc_auc(parts[:, 0], parts[:, 1])
