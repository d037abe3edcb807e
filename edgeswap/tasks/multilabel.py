"""Multi-label classification: for each of several classes, yes or no."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.tasks.details import Answer, Details, Parts, highest
from edgeswap.tasks.label_array import label_array, looked_at, one_hot, only_0_and_1
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.ranking import average_precision
from edgeswap.tasks.reconstruction import like_the_input
from edgeswap.tasks.task import Shown

Array = npt.NDArray[Any]

THRESHOLD = 0.5  # of a probability: above it a sample has the class


@dataclass(frozen=True)
class MultiLabel:
    """One output (N, C), C > 1, a sigmoid for each class; labels are 0 and 1 (N, C). See `Task`."""

    name: str = "multilabel"
    shown: Shown = "scores of each class"
    needs: str = "one sigmoid output (N, C) of two classes or more"
    takes: str = "0 or 1 for each class of each sample"
    says: str = "the classes above 0.5 with their scores"

    def can_be(self, model: Signature) -> bool:
        """It has one sigmoid output (N, C) of two values or more."""
        output = model.outputs[0]
        return len(model.outputs) == 1 and output.head == "sigmoid" and len(output.shape) == 1 and output.shape[0] > 1

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """Sigmoids say so, unless labels are one class a sample or numbers between 0 and 1."""
        y, classes = looked_at(labels, model), model.outputs[0].shape[0]
        if y is None:
            return None if like_the_input(model) else f"one sigmoid output of {classes} values"
        if y.shape[1:] != (classes,) or not only_0_and_1(y) or one_hot(y):
            return None
        return f"one sigmoid output of {classes} values, and 0 or 1 for each of them as labels"

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """0 and 1 as uint8 (N, C)."""
        y, classes = label_array(given, model, count, source), model.outputs[0].shape[0]
        if y.shape != (count, classes) or not only_0_and_1(y):
            raise DataError(
                f"Expected labels of 0 and 1 of shape {(count, classes)} in {source}, got {y.dtype} of shape {y.shape}"
                + (f" from {y.min():.6g} to {y.max():.6g}." if y.size else "."),
                "Give a row for each sample, with 1 for every class that it has; --task classification takes one "
                "class number for each sample.",
            )
        return y.astype(np.uint8)

    def classes(self, model: Signature) -> int | None:
        """As many as the output has values."""
        return model.outputs[0].shape[0]

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """Mean average precision over the classes that a sample has; F1 over all classes and samples at 0.5."""

        def counts(outputs: Outputs, labels: Labels, _: Inputs) -> Array:
            yes, true = self._yes(outputs), np.asarray(labels) > 0
            return np.stack([(yes & true).sum(axis=1), yes.sum(axis=1), true.sum(axis=1)], axis=1)

        return (
            Metric("map", "share", True, _scores, _macro),
            Metric("micro_f1", "share", True, counts, _micro_f1),
        )

    def decisions(self, outputs: Outputs, model: Signature) -> Array | None:
        """(n, C): 1 above a probability of 0.5, else 0."""
        return self._yes(outputs).astype(np.int64)

    def details(self, parts: Parts, model: Signature) -> Details:
        """Average precision of each class that a sample has."""
        if "map" not in parts:
            return Details()
        return Details("average_precision", dict(enumerate(_each(parts["map"]))))

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """The classes above 0.5."""
        found = []
        for row in np.asarray(outputs[0]):
            numbers = np.flatnonzero(row > THRESHOLD)
            found.append(highest(row[numbers], numbers))
        return found

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, Array]:
        """The labels."""
        return {0: labels}

    def _yes(self, outputs: Outputs) -> npt.NDArray[np.bool_]:
        yes: npt.NDArray[np.bool_] = np.asarray(outputs[0]) > THRESHOLD
        return yes


def _scores(outputs: Outputs, labels: Labels, _: Inputs) -> Array:
    return np.stack([np.asarray(outputs[0], np.float64), np.asarray(labels, np.float64)], axis=1)


def _macro(parts: Array) -> float:
    known = [one for one in _each(parts) if not math.isnan(one)]
    return float(np.mean(known)) if known else math.nan


def _each(parts: Array) -> list[float]:
    return [average_precision(parts[:, 0, i], parts[:, 1, i]) for i in range(parts.shape[2])]


def _micro_f1(parts: Array) -> float:
    """2 TP / (2 TP + FP + FN) over all samples and classes; NaN where there is neither a label nor a yes."""
    right, said, labelled = (int(each) for each in parts.sum(axis=0))
    return 2 * right / (said + labelled) if said + labelled else math.nan
