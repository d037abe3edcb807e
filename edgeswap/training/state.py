"""Where a training stands after an epoch: all that it needs to go on as if it had never been interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

Arrays = Sequence[npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A training after some epochs. The order of samples and the draws of dropout are functions of seed and epoch.

    Attributes:
        epoch: how many are done.
        weights: of the model, in the order of `get_weights` while it is trained.
        optimizer: its variables: the step, and the moments of each weight.
        losses: mean loss of the judging samples before training and after each epoch.
        best: the epoch of the lowest.
        best_weights: of the model then.
    """

    epoch: int
    weights: Arrays
    optimizer: Arrays
    losses: tuple[float, ...]
    best: int
    best_weights: Arrays


class Checkpoints(Protocol):
    """Where states are kept."""

    def last(self) -> TrainingState | None:
        """The latest state that an earlier run left; None where there is none."""

    def keep(self, state: TrainingState) -> None:
        """Keep a state, in place of the one before."""
