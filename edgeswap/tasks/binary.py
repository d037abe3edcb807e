"""Binary classification: yes or no by one number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.tasks.classification import recalls
from edgeswap.tasks.details import Answer, Details, Parts
from edgeswap.tasks.label_array import label_array, looked_at, one_hot, only_0_and_1
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs, mean
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.ranking import roc_auc
from edgeswap.tasks.task import Shown


@dataclass(frozen=True)
class Binary:
    """One output (N, 1), a probability (sigmoid) or a logit; labels are 0 and 1. See `Task`."""

    name: str = "binary"
    shown: Shown = "scores"
    needs: str = "one output (N, 1)"
    takes: str = "0 or 1 for each sample, or two classes by name"
    says: str = "the class with its score"

    def can_be(self, model: Signature) -> bool:
        """It has one output of one value."""
        return len(model.outputs) == 1 and model.outputs[0].shape == (1,) and model.outputs[0].head != "softmax"

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """A sigmoid says so, unless labels are other numbers than 0 and 1; a logit needs labels of 0 and 1."""
        y = looked_at(labels, model)
        output = "one sigmoid output" if model.outputs[0].head == "sigmoid" else "one output of one value"
        if y is None:
            return output if model.outputs[0].head == "sigmoid" else None
        if y.shape[1:] == (2,) and one_hot(y):
            return f"{output}, and one-hot labels of two classes"
        if y.shape[1:] not in ((), (1,)) or not only_0_and_1(y):
            return None
        return f"{output}, and {'two classes by name' if by_folder else 'labels of 0 and 1'}"

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """0 and 1 as int64 (N,), from (N,), (N, 1), or one-hot rows (N, 2)."""
        y = label_array(given, model, count, source)
        if y.shape == (count, 2) and only_0_and_1(y) and (y.sum(axis=1) == 1).all():
            y = y[:, 1]
        if y.shape not in ((count,), (count, 1)) or not only_0_and_1(y):
            got = f"values from {y.min()} to {y.max()}" if y.size and y.ndim == 1 else f"shape {y.shape}"
            raise DataError(
                f"Expected labels of 0 and 1, one for each of {count} samples, in {source}, got {got}.",
                "Give two classes: 1 for those that the output is high for, and 0 for the other ones.",
            )
        return y.reshape(count).astype(np.int64)

    def classes(self, model: Signature) -> int | None:
        """Two: no and yes."""
        return 2

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """Accuracy; area under the ROC curve; F1 of class 1."""

        def both(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
            return np.stack([self._yes(outputs, model), np.asarray(labels)], axis=1)

        def right(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
            same: npt.NDArray[Any] = self._yes(outputs, model) == labels
            return same

        return (
            Metric("accuracy", "share", True, right, mean, of_right=True),
            Metric("auc", "share", True, _scores, lambda parts: roc_auc(parts[:, 0], parts[:, 1])),
            Metric("f1", "share", True, both, _f1),
        )

    def decisions(self, outputs: Outputs, model: Signature) -> npt.NDArray[Any] | None:
        """1 above a probability of 0.5, which is a logit of 0, else 0."""
        return self._yes(outputs, model)

    def details(self, parts: Parts, model: Signature) -> Details:
        """Recall of both classes; scores and labels for a ROC curve."""
        if "auc" not in parts:
            return Details()
        scores, labels = parts["auc"].T
        labels = labels.astype(np.int64)
        return Details(
            "recall", recalls((scores > self.threshold(model)).astype(np.int64), labels, 2), (scores, labels)
        )

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """The class with its probability; of a logit with the logit."""
        scores, yes = outputs[0].reshape(-1), self._yes(outputs, model)
        if model.outputs[0].head == "sigmoid":
            scores = np.where(yes == 1, scores, 1 - scores)
        return [[(int(one), float(score))] for one, score in zip(yes, scores, strict=True)]

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, npt.NDArray[Any]]:
        """0 and 1 (N, 1), of a sigmoid and of a logit, whose loss is taken before a sigmoid."""
        return {0: np.asarray(labels, np.float32)[:, None]}

    def threshold(self, model: Signature) -> float:
        """What a yes is above: 0.5 of a sigmoid, 0 of a logit."""
        return 0.5 if model.outputs[0].head == "sigmoid" else 0.0

    def _yes(self, outputs: Outputs, model: Signature) -> npt.NDArray[np.int64]:
        return (outputs[0].reshape(-1) > self.threshold(model)).astype(np.int64)


def _scores(outputs: Outputs, labels: Labels, _: Inputs) -> npt.NDArray[Any]:
    return np.stack([np.asarray(outputs[0], np.float64).reshape(-1), np.asarray(labels)], axis=1)


def _f1(parts: npt.NDArray[Any]) -> float:
    """2 TP / (2 TP + FP + FN) of class 1; NaN where no sample has that class or is given it."""
    counted = int(parts.sum())
    return 2 * int((parts[:, 0] & parts[:, 1]).sum()) / counted if counted else math.nan
