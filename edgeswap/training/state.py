"""Where a training stands after an epoch: all that it needs to go on as if it had never been interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol

import numpy as np
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


def state_to_bytes(state: TrainingState) -> bytes:
    """A state as an .npz: every array by its group and number."""
    groups = {"weights": state.weights, "optimizer": state.optimizer, "best": state.best_weights}
    arrays = {f"{group}{number}": array for group, of in groups.items() for number, array in enumerate(of)}
    counts = np.array([state.epoch, state.best], np.int64)
    into = BytesIO()
    np.savez(into, losses=np.array(state.losses, np.float64), counts=counts, **arrays)  # type: ignore[arg-type]
    return into.getvalue()


def state_from_bytes(data: bytes) -> TrainingState:
    """The inverse of `state_to_bytes`."""
    with np.load(BytesIO(data), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}

    def group(name: str) -> list[npt.NDArray[Any]]:
        return [found[f"{name}{number}"] for number in range(sum(key.startswith(name) for key in found))]

    epoch, best = map(int, found["counts"])
    losses = tuple(float(loss) for loss in found["losses"])
    return TrainingState(epoch, group("weights"), group("optimizer"), losses, best, group("best"))


def arrays_to_bytes(arrays: Arrays) -> bytes:
    """Arrays in order as an .npz."""
    into = BytesIO()
    np.savez(into, *arrays)
    return into.getvalue()


def arrays_from_bytes(data: bytes) -> list[npt.NDArray[Any]]:
    """The inverse of `arrays_to_bytes`."""
    with np.load(BytesIO(data), allow_pickle=False) as arrays:
        return [arrays[name] for name in arrays.files]
