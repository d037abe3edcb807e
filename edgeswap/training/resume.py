"""A training that was killed goes on: the state after an epoch is kept, found again and given back to the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgeswap.training.best_epoch import BestEpoch
from edgeswap.training.replicas import Replicas
from edgeswap.training.state import (
    Checkpoints,
    TrainingState,
    arrays_from_bytes,
    arrays_to_bytes,
    state_from_bytes,
    state_to_bytes,
)


def last_state(checkpoints: Checkpoints | None, model: Any, replicas: Replicas) -> TrainingState | None:
    """The state that all go on from: the chief's. Without one, the model now has the weights that the chief has.

    Those that another machine begins with may differ in their last bits, and it may have other epochs in its store.
    """
    state = None if checkpoints is None else checkpoints.last()
    if replicas.name is None:
        return state
    told = replicas.from_chief(b"" if state is None else state_to_bytes(state))
    if told:
        return state_from_bytes(told)
    model.set_weights(arrays_from_bytes(replicas.from_chief(arrays_to_bytes(model.get_weights()))))
    return None


def restore(state: TrainingState | None, model: Any, optimizer: Any, *, tell: Callable[[int], object]) -> int:
    """How many epochs are done in `state`, whose weights and moments the model and the optimizer now have.

    `tell` is told of them, if there is a state.
    """
    if state is None:
        return 0
    tell(state.epoch)
    model.set_weights(state.weights)
    for variable, value in zip(optimizer.variables, state.optimizer, strict=True):
        variable.assign(value)
    return state.epoch


def keep(checkpoints: Checkpoints | None, epoch: int, model: Any, optimizer: Any, best: BestEpoch) -> None:
    """Keep the state after `epoch` epochs, where states are kept."""
    if checkpoints is None:
        return
    values = [variable.numpy() for variable in optimizer.variables]
    state = TrainingState(epoch, model.get_weights(), values, tuple(best.losses), best.best, best.weights)
    checkpoints.keep(state)
