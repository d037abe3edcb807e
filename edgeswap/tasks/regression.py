"""Regression: real values, such as a price, keypoints or a depth map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.tasks.details import Answer, Details, Parts, values_answers
from edgeswap.tasks.label_array import label_array, looked_at, only_0_and_1
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs, mean
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.reconstruction import is_signal
from edgeswap.tasks.segmentation import class_numbers
from edgeswap.tasks.task import Shown

# R2 is a figure of each value over the samples, so its parts are all the labels and errors; maps have too many.
MOST_FOR_R2 = 300


@dataclass(frozen=True)
class Regression:
    """One output (N, ...); labels are numbers of its shape, or (N,) for (N, 1). See `Task`."""

    name: str = "regression"
    shown: Shown = "values"
    needs: str = "one output that does not end in a softmax"
    takes: str = "numbers of the output's shape"
    says: str = "the values, or of many their mean, lowest and highest"

    def can_be(self, model: Signature) -> bool:
        """It has one output, of any shape, that is no softmax."""
        return len(model.outputs) == 1 and model.outputs[0].head != "softmax"

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """Labels of the output's shape that are not just 0 and 1; an output like the input is a reconstruction."""
        y = looked_at(labels, model)
        output = model.outputs[0]
        if by_folder or y is None or y.dtype.kind not in "uif" or only_0_and_1(y):
            return None
        if _shaped(y, output.shape) is None or is_signal(model):
            return None
        if len(output.shape) > 1 and class_numbers(y, output.shape) is not None:
            return None  # masks of 0 and 255
        return f"one {output.head} output of shape {output.shape}, and numbers of that shape as labels"

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """Float32 of the output's shape."""
        y = label_array(given, model, count, source)
        shaped = _shaped(y, model.outputs[0].shape)
        if shaped is None:
            raise DataError(
                f"Expected labels of shape {(count, *model.outputs[0].shape)} in {source}, got {y.shape}.",
                "Give a number for each value of the model's output.",
            )
        return shaped.astype(np.float32)

    def classes(self, model: Signature) -> int | None:
        """None."""
        return None

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """Mean absolute error; root mean squared error; R2 where the output is not a map."""
        found = [
            Metric("mae", "label", False, _absolute, mean),
            Metric("rmse", "label", False, _squared, lambda parts: math.sqrt(mean(parts))),
        ]
        if math.prod(model.outputs[0].shape) <= MOST_FOR_R2:
            found.append(Metric("r2", "none", True, _labels_and_errors, _r2))
        return tuple(found)

    def decisions(self, outputs: Outputs, model: Signature) -> npt.NDArray[Any] | None:
        """Nothing is decided."""
        return None

    def details(self, parts: Parts, model: Signature) -> Details:
        """The error of each value, with its label; of a map the mean absolute error of each sample."""
        if "r2" in parts:
            labels, errors = (parts["r2"][:, which].reshape(-1) for which in range(2))
            return Details(errors=errors, labels=labels)
        return Details(errors=parts["mae"]) if "mae" in parts else Details()

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """The values."""
        return values_answers(outputs[0], model.outputs[0].name)

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, npt.NDArray[Any]]:
        """The labels."""
        return {0: labels}


def _shaped(y: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any] | None:
    """Labels in the output's shape; axes of one value may be there or not. None where the sizes differ."""
    if [size for size in y.shape[1:] if size != 1] != [size for size in shape if size != 1]:
        return None
    return y.reshape((len(y), *shape))


def _errors(outputs: Outputs, labels: Labels) -> npt.NDArray[np.float64]:
    off: npt.NDArray[np.float64] = np.asarray(outputs[0], np.float64) - labels
    return off.reshape(len(off), -1)


def _absolute(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
    absolute: npt.NDArray[Any] = np.abs(_errors(outputs, labels)).mean(axis=1)
    return absolute


def _squared(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
    squared: npt.NDArray[Any] = (_errors(outputs, labels) ** 2).mean(axis=1)
    return squared


def _labels_and_errors(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
    errors = _errors(outputs, labels)
    return np.stack([np.asarray(labels, np.float64).reshape(errors.shape), errors], axis=1)


def _r2(parts: npt.NDArray[Any]) -> float:
    """1 - error / variance of the labels, the mean over the output's values; NaN where the labels of one are all equal.

    As scikit-learn's `r2_score`, which gives a number of its own for labels that are all equal.
    """
    labels, errors = parts[:, 0], parts[:, 1]
    spread = ((labels - labels.mean(axis=0)) ** 2).sum(axis=0)
    if (spread == 0).any():
        return math.nan
    return float(np.mean(1 - (errors**2).sum(axis=0) / spread))
