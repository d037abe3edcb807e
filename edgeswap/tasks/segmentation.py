"""Segmentation: a class for each pixel of a picture, or for each step of a sequence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.tasks.details import Answer, Details, Parts, highest
from edgeswap.tasks.label_array import described, label_array, looked_at, one_hot
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.task import Shown

Array = npt.NDArray[Any]

IGNORED = 255  # a place without a class, as in Pascal VOC, where the model has no class of this number


@dataclass(frozen=True)
class Segmentation:
    """One output (N, H, W, C), or (N, H, W, 1) for yes or no; labels are class numbers (N, H, W). See `Task`.

    Other numbers of axes before the last are fine too, such as (N, T, C) for a sequence.
    """

    name: str = "segmentation"
    shown: Shown = "class map"
    needs: str = "one output (N, H, W, classes)"
    takes: str = "a class number for each place of the output, such as masks:FOLDER"
    says: str = "the classes with the share of places that each has"

    def can_be(self, model: Signature) -> bool:
        """It has one output of two axes or more, the last one for classes."""
        return len(model.outputs) == 1 and len(model.outputs[0].shape) > 1 and not _says_nothing(model)

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """A softmax or one sigmoid for each place says so; anything else needs labels for each place."""
        y, output = looked_at(labels, model), model.outputs[0]
        classes = f"{output.shape[-1]} classes" if output.shape[-1] > 1 else "yes or no"
        words = f"one {output.head} output of {classes} for each of {'x'.join(map(str, output.shape[:-1]))} places"
        if y is None:
            told = output.head == "softmax" or (output.head == "sigmoid" and output.shape[-1] == 1)
            return words if told else None
        return (
            f"{words}, and a class for each of them as labels" if class_numbers(y, output.shape) is not None else None
        )

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """Class numbers, uint8 or int32 (N, H, W), 255 where ignored; from these, (N, H, W, 1) or one-hot.

        Where the model tells two classes, and labels are only 0 and 255, then 255 is class 1.
        """
        y, shape = label_array(given, model, count, source), model.outputs[0].shape
        numbers = class_numbers(y, shape)
        if numbers is None:
            ignored = f", or {IGNORED} where it does not count," if self._classes(model) <= IGNORED else ""
            raise DataError(
                f"Expected a class from 0 to {self._classes(model) - 1}{ignored} for each of {shape[:-1]} places in "
                f"{source}, got {described(y)}.",
                "Give masks of the output's height and width that hold class numbers, not colours.",
            )
        return numbers

    def classes(self, model: Signature) -> int | None:
        """As many as the last axis has, and two for one."""
        return self._classes(model)

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """Mean intersection over union of the classes that are labelled or said; share of right pixels."""
        classes = self._classes(model)

        def counts(outputs: Outputs, labels: Labels, _: Inputs) -> Array:
            return _counts(self.decisions(outputs, model), np.asarray(labels), classes)

        return (
            Metric("miou", "share", True, counts, _miou),
            Metric("pixel_accuracy", "share", True, counts, _pixel_accuracy),
        )

    def decisions(self, outputs: Outputs, model: Signature) -> Array:
        """(n, H, W): the class with the highest output; with one output 1 for yes. Classes stay as they are."""
        given, output = np.asarray(outputs[0]), model.outputs[0]
        if given.ndim == len(output.shape):  # the device gave classes in place of scores
            return given
        if output.shape[-1] > 1:
            classes: Array = given.argmax(axis=-1)
            return classes
        return (given[..., 0] > (0.5 if output.head == "sigmoid" else 0.0)).astype(np.int64)

    def details(self, parts: Parts, model: Signature) -> Details:
        """Intersection over union of each class."""
        if "miou" not in parts:
            return Details()
        return Details("iou", dict(enumerate(class_ious(parts["miou"]).tolist())))

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """The share of places that each class has."""
        found = []
        for row in self.decisions(outputs, model):
            numbers, counts = np.unique(row, return_counts=True)
            found.append(highest(counts / row.size, numbers))
        return found

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, Array]:
        """Class numbers, or 0 and 1 for sigmoids, whose loss leaves no place out: none where one is ignored."""
        output = model.outputs[0]
        if output.shape[-1] > 1 and output.head != "sigmoid":
            return {0: labels}
        if (np.asarray(labels) == IGNORED).any():
            return {}
        return {0: labels[..., None] if output.shape[-1] == 1 else np.eye(output.shape[-1], dtype=np.uint8)[labels]}

    def _classes(self, model: Signature) -> int:
        return max(model.outputs[0].shape[-1], 2)


def class_ious(parts: Array) -> npt.NDArray[np.float64]:
    """Intersection over union of each class (C,), from the parts of `miou`; NaN where it does not occur."""
    right, labelled, said = (parts[..., i].sum(axis=0).astype(np.float64) for i in range(3))
    union = labelled + said - right
    ious: npt.NDArray[np.float64] = np.divide(right, union, out=np.full_like(right, np.nan), where=union > 0)
    return ious


def class_numbers(y: Array, shape: tuple[int, ...]) -> Array | None:
    """Labels as class numbers (N, *places), or None where they are none for an output of this shape."""
    places, classes = shape[:-1], max(shape[-1], 2)
    if shape[-1] > 1 and y.shape[1:] == shape and one_hot(y):
        y = np.asarray(y.argmax(axis=-1))
    if [size for size in y.shape[1:] if size != 1] != [size for size in places if size != 1]:
        return None
    if y.dtype.kind not in "uifb":
        return None
    y = y.reshape((len(y), *places))
    if y.dtype.kind == "f" and not (y % 1 == 0).all():
        return None
    full: Array = y == IGNORED
    if classes == 2 and full.any() and (full | (y == 0)).all():
        return full.astype(np.uint8)
    known = (y >= 0) & (y < classes)
    if not (known | full if classes <= IGNORED else known).all():
        return None
    numbers: Array = y.astype(np.uint8 if classes <= IGNORED + 1 else np.int32)
    return numbers


def _says_nothing(model: Signature) -> bool:
    """A softmax over one value is 1."""
    return model.outputs[0].head == "softmax" and model.outputs[0].shape[-1] == 1


def _counts(said: Array, labels: Array, classes: int) -> Array:
    """Int64 (n, C, 3): for each sample and class how many places are right, are labelled so, and are said to be so."""
    n = len(labels)
    said, labels = said.reshape(n, -1).astype(np.int64), labels.reshape(n, -1).astype(np.int64)
    known = labels != IGNORED if classes <= IGNORED else np.ones(labels.shape, np.bool_)
    first = np.arange(n)[:, None] * classes

    def counted(values: Array, which: Array) -> Array:
        return np.bincount((first + values)[which], minlength=n * classes).reshape(n, classes)

    return np.stack([counted(labels, known & (said == labels)), counted(labels, known), counted(said, known)], axis=-1)


def _miou(parts: Array) -> float:
    ious = class_ious(parts)
    known = ious[~np.isnan(ious)]
    return float(known.mean()) if len(known) else math.nan


def _pixel_accuracy(parts: Array) -> float:
    labelled = int(parts[..., 1].sum())
    return int(parts[..., 0].sum()) / labelled if labelled else math.nan
