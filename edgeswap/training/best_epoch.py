"""Which epoch's weights a training keeps: those with the lowest loss on samples that judge it, with early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import tf
from edgeswap.training.replicas import ONE_DEVICE, Replicas
from edgeswap.training.state import TrainingState

Arrays = Sequence[npt.NDArray[np.float32]]
Read = Callable[[npt.NDArray[np.int64]], Arrays]
Labels = Mapping[int, npt.NDArray[Any]]
BATCH_SIZE = 32  # as in training, so that what has room there has room here

# Prechelt, "Early stopping - but when?" (Neural Networks: Tricks of the Trade, 1998): stopping late costs time and
# gains a little quality, stopping early loses more. A cosine schedule, whose last quarter gains most, asks for more
# patience the longer it is.
PATIENCE_EPOCHS = 5
PATIENCE_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Judges:
    """Samples that epochs are judged by, which must not be test samples.

    Attributes:
        read: indices to one float32 array (n, ...) for each model input, preprocessed.
        count: number of samples.
        labels: number of the output to its labels; empty judges by the teacher alone.
        epoch: the one to keep, whatever its loss; None keeps the best.
    """

    read: Read
    count: int
    labels: Labels
    epoch: int | None = None


@dataclass(frozen=True)
class Epochs:
    """How a training went.

    Attributes:
        planned: epochs that were asked for.
        losses: mean loss of the judging samples before training and after each epoch that was trained.
        best: the epoch whose weights were kept; 0 is the start.
    """

    planned: int
    losses: tuple[float, ...]
    best: int


class BestEpoch:
    """Keeps the weights of the epoch with the lowest loss; between equal ones of the later.

    The start counts as epoch 0, so that a training that only harms changes nothing.

    Args:
        model: whose weights are kept, ranges and statistics among them.
        loss: the mean loss of the judging samples now.
        planned: epochs that were asked for.
        epoch: the one to keep in place of the best; training ends with it.
        state: where an earlier run of this training ended; None begins.

    Attributes:
        losses: so far, that before training among them.
        best: the epoch that is kept so far.
        weights: of the model then.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[[], float],
        planned: int,
        epoch: int | None = None,
        state: TrainingState | None = None,
    ) -> None:
        self._model, self._loss, self._planned, self._epoch = model, loss, planned, epoch
        if state is None:
            self.losses = [loss()]
            self.best, self.weights = 0, model.get_weights()
        else:
            self.losses = list(state.losses)
            self.best, self.weights = state.best, state.best_weights

    def judge(self) -> bool:
        """Judge the epoch that just ended; whether training should stop."""
        self.losses.append(self._loss())
        now = len(self.losses) - 1
        if now == self._epoch or (self._epoch is None and self.losses[-1] <= self.losses[self.best]):
            self.best, self.weights = now, self._model.get_weights()
        if self._epoch is not None:
            return now >= self._epoch
        patience = max(PATIENCE_EPOCHS, round(PATIENCE_SHARE * self._planned))
        return now - self.best >= patience

    def restore(self) -> Epochs:
        """Give the model the weights of the best epoch, and tell how it went."""
        self._model.set_weights(self.weights)
        return Epochs(self._planned, tuple(self.losses), self.best)


def judging_loss(
    student: Any,
    loss_of: Callable[[Sequence[Any], Sequence[Any], Mapping[int, Any]], Any],
    judges: Judges,
    taught: Callable[[npt.NDArray[np.int64], Arrays], Sequence[Any]] | None,
    replicas: Replicas = ONE_DEVICE,
) -> Callable[[], float]:
    """The mean loss over all judging samples as a function of nothing, with fake-quant ranges and statistics at rest.

    Args:
        student: the model that is trained, as its loss takes it.
        loss_of: the loss of a batch, see `edgeswap.training.losses.total_loss`.
        judges: the samples.
        taught: indices of samples and their arrays to what the teacher says; None without one.
        replicas: that train. Each machine judges by itself, and the figure of the chief counts for all, so that none
            ends an epoch before the others.
    """

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def batch_loss(inputs: Any, labels: Any, soft: Any) -> Any:
        given = student(inputs[0] if len(inputs) == 1 else inputs, training=False)
        return loss_of(given if isinstance(given, (list, tuple)) else [given], soft, labels)

    def losses() -> Iterator[float]:
        for start in range(0, judges.count, BATCH_SIZE):
            rows = np.arange(start, min(start + BATCH_SIZE, judges.count))
            arrays = judges.read(rows)
            soft = [] if taught is None else list(taught(rows, arrays))
            labels = {number: array[rows] for number, array in judges.labels.items()}
            yield float(batch_loss(list(arrays), labels, soft)) * len(rows)

    def mean() -> float:
        here = np.float64(sum(losses()) / judges.count)
        found = float(np.frombuffer(replicas.from_chief(here.tobytes()))[0])
        return found if math.isfinite(found) else math.inf

    return mean
