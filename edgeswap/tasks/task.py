"""Task: the one protocol of all that differs between a classifier, a detector, a regressor and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy.typing as npt

from edgeswap.tasks.details import Answer, Details, Parts
from edgeswap.tasks.metric import Labels, Metric, Outputs
from edgeswap.tasks.outputs import Signature

# What an app does with an output: probabilities or logits of classes of which one holds, probabilities of classes that
# hold or not each by itself, plain numbers, a class for each pixel, an image like the input, or what `--decode` makes
# boxes of.
Shown = Literal["scores", "scores of each class", "values", "class map", "image", "boxes as the model gives them"]


class Task(Protocol):
    """One thing that models are for. Implementations are frozen dataclasses, one module each, listed in `registry`."""

    @property
    def name(self) -> str:
        """As in `--task`."""

    @property
    def shown(self) -> Shown:
        """What an app does with the outputs."""

    @property
    def needs(self) -> str:
        """What models it is for, in words that follow "Expected"."""

    @property
    def takes(self) -> str:
        """What its labels are, in words that follow "Labels are"; empty where it looks at none."""

    @property
    def says(self) -> str:
        """What `answers` tells of a sample, in words that follow "Given are"."""

    def can_be(self, model: Signature) -> bool:
        """Whether a model of this signature can have this task."""

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """Why this task is the likely one for a model that can have it, for the report; None where it is not.

        Args:
            model: for which `can_be` holds.
            labels: as they were given: an array (N, ...), a dict of such by output name, or None.
            by_folder: whether labels come from class folders.
        """

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """Labels as `metrics` take them, from what the data hold.

        Args:
            given: an array (N, ...), or a dict of such by output name.
            model: for which `can_be` holds.
            count: number of samples, N.
            source: of the data, for errors.

        Raises:
            DataError: they are not labels of this task, or not for this model.
        """

    def classes(self, model: Signature) -> int | None:
        """How many classes have names; None where there are no classes."""

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """The metrics, the primary one first."""

    def decisions(self, outputs: Outputs, model: Signature) -> npt.NDArray[Any] | None:
        """What the outputs decide for each sample, whole numbers (n, ...), such as classes; None where nothing is."""

    def details(self, parts: Parts, model: Signature) -> Details:
        """What the report shows of one model beside its metrics.

        Args:
            parts: of the metrics of this task that are known; empty without labels.
            model: for which `can_be` holds.
        """

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """What a model says of each of n samples, for a reader who looks at some of them."""

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, npt.NDArray[Any]]:
        """What training pulls outputs towards, beside the teacher: number of the output to an array (N, ...).

        Class numbers (N, ...) where the head is softmax, 0 and 1 of the output's shape for sigmoid, real values of
        the output's shape for linear; empty where labels have no loss.
        """
