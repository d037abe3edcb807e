"""Classification: one class of several for a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.tasks.details import Answer, Details, Parts
from edgeswap.tasks.label_array import label_array, looked_at, one_hot
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs, mean
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.reconstruction import like_the_input
from edgeswap.tasks.task import Shown

TOP5_FROM = 10  # with fewer classes nearly everything is among the first five


@dataclass(frozen=True)
class Classification:
    """One output (N, C), softmax or logits, C > 1; labels are class numbers (N,) or one-hot rows. See `Task`."""

    name: str = "classification"
    shown: Shown = "scores"
    needs: str = "one output (N, C) of two classes or more"
    takes: str = "a class for each sample, as its number, its name or a one-hot row"
    says: str = "the class with its score"

    def can_be(self, model: Signature) -> bool:
        """It has one output (N, C) of two values or more."""
        return len(model.outputs) == 1 and len(model.outputs[0].shape) == 1 and model.outputs[0].shape[0] > 1

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """A softmax says so; logits do not, and need labels that are classes."""
        classes = model.outputs[0].shape[0]
        if by_folder:
            return f"one output of {classes} values, and classes by name"
        if model.outputs[0].head == "softmax":
            return f"one softmax output of {classes} classes"
        y = looked_at(labels, model)
        if y is None:
            return None
        if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
            highest = y.max(initial=0) if y.dtype.kind in "ui" else classes
            whole = y.dtype.kind in "ui" and y.min(initial=0) >= 0 and highest < classes
            if like_the_input(model) and highest <= 1:
                return None  # an autoencoder, and its anomalies
            return f"one output of {classes} values, and a class number for each sample" if whole else None
        hot = y.shape[1:] == (classes,) and one_hot(y)
        return f"one output of {classes} values, and one-hot labels" if hot else None

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """Class numbers int64 (N,) from whole numbers (N,) or (N, 1), or one-hot rows (N, C)."""
        classes = model.outputs[0].shape[0]
        y = label_array(given, model, count, source)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        elif y.ndim == 2 and one_hot(y):
            if y.shape[1] != classes:
                raise DataError(
                    f"Expected one-hot labels of {classes} classes in {source}, got rows of {y.shape[1]}.",
                    "Encode the labels again.",
                )
            y = y.argmax(axis=1)
        if y.ndim == 1 and y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.rint(y)).all():
            y = y.astype(np.int64)  # Keras takes class numbers as floats too
        if y.shape != (count,) or y.dtype.kind not in "ui":
            raise DataError(
                f"Expected a class number for each sample in {source}, got {_told(y)}.",
                "Give the class of every sample as a whole number, or as a one-hot row.",
            )
        low, high = int(y.min()), int(y.max())
        if low < 0 or high >= classes:
            raise DataError(
                f"Expected labels from 0 to {classes - 1} in {source}, got {low} to {high}.",
                "Number the classes from 0 in the order of the model's outputs.",
            )
        return y.astype(np.int64)

    def classes(self, model: Signature) -> int | None:
        """As many as the output has values."""
        return model.outputs[0].shape[0]

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """Top-1; macro F1; from ten classes on also top-5."""
        classes = model.outputs[0].shape[0]

        def confusion(given: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
            return np.stack([given[0].argmax(axis=1), np.asarray(labels)], axis=1)

        found = [
            Metric("top1", "share", True, _right, mean, of_right=True),
            Metric("macro_f1", "share", True, confusion, lambda parts: _macro_f1(parts, classes)),
        ]
        if classes >= TOP5_FROM:
            found.append(Metric("top5", "share", True, _right_in_five, mean, of_right=True))
        return tuple(found)

    def decisions(self, outputs: Outputs, model: Signature) -> npt.NDArray[Any] | None:
        """The class with the highest output, the first of equal ones."""
        classes: npt.NDArray[Any] = outputs[0].argmax(axis=1)
        return classes

    def details(self, parts: Parts, model: Signature) -> Details:
        """Recall of each class that is labelled."""
        if "macro_f1" not in parts:
            return Details()
        said, labels = parts["macro_f1"].T
        return Details("recall", recalls(said, labels, model.outputs[0].shape[0]))

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """The class with the highest output, and that output."""
        return [[(int(row.argmax()), float(row.max()))] for row in outputs[0]]

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, npt.NDArray[Any]]:
        """The class numbers."""
        if model.outputs[0].head == "sigmoid":  # one of several, each with a sigmoid of its own
            return {0: np.eye(model.outputs[0].shape[0], dtype=np.float32)[labels]}
        return {0: labels}


def _told(y: npt.NDArray[Any]) -> str:
    """What labels are that are no class numbers."""
    if y.ndim > 1:
        return f"{y.dtype} values of shape {y.shape[1:]}"
    broken = y[y != np.rint(y)] if y.dtype.kind == "f" else y
    return f"{y.dtype} values such as {broken[0]}"


def _right(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
    right: npt.NDArray[Any] = outputs[0].argmax(axis=1) == labels
    return right


def _right_in_five(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
    """Fewer than five classes are above the labelled one, or equal to it and before it."""
    wanted = np.take_along_axis(outputs[0], np.asarray(labels)[:, None], axis=1)
    numbers = np.arange(outputs[0].shape[1])[None]
    before = (outputs[0] > wanted) | ((outputs[0] == wanted) & (numbers < np.asarray(labels)[:, None]))
    fewer: npt.NDArray[Any] = before.sum(axis=1) < 5
    return fewer


def _macro_f1(parts: npt.NDArray[Any], classes: int) -> float:
    """Mean over the classes that are labelled or said of 2 TP / (2 TP + FP + FN)."""
    said, labels = parts[:, 0], parts[:, 1]
    right = np.bincount(labels[said == labels], minlength=classes)
    counted = np.bincount(said, minlength=classes) + np.bincount(labels, minlength=classes)
    present = counted > 0
    return float(np.mean(2 * right[present] / counted[present]))


def recalls(said: npt.NDArray[Any], labels: npt.NDArray[Any], classes: int) -> dict[int, float]:
    """Class number to the share of its samples that are given this class; of classes that are labelled."""
    right = np.bincount(labels[said == labels], minlength=classes)
    counts = np.bincount(labels, minlength=classes)
    return {int(number): float(right[number] / counts[number]) for number in np.flatnonzero(counts)}
