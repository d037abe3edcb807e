"""A training's epochs in the store: the state after the last one, until the training is done."""

from __future__ import annotations

from dataclasses import replace

from edgeswap.store.digest import digest
from edgeswap.store.forms import STATE
from edgeswap.store.run_store import Key, RunStore
from edgeswap.training.state import TrainingState


class StoredEpochs:
    """`Checkpoints` of one training. A new state stands before the one before it goes, so that one is always there.

    Args:
        store: of the run.
        key: of the training's result.
        epochs: planned.
    """

    def __init__(self, store: RunStore, key: Key, epochs: int) -> None:
        self._store, self._what = store, f"of {epochs} of {key.what}"
        self._slots = [Key(f"epochs of {key.stage}", digest([key.digest, slot]), key.what) for slot in ("even", "odd")]

    def last(self) -> TrainingState | None:
        """The latest state that there is."""
        found = [state for slot in self._slots if (state := self._store.find(slot, STATE)) is not None]
        return max(found, key=lambda state: state.epoch, default=None)

    def keep(self, state: TrainingState) -> None:
        """Keep a state; the one before goes once this one stands."""
        slot, other = self._slots[state.epoch % 2], self._slots[1 - state.epoch % 2]
        self._store.drop(slot)  # which is empty, unless two runs train the same
        if self._store.keep(replace(slot, what=f"epoch {state.epoch} {self._what}"), STATE, state):
            self._store.drop(other)

    def done(self) -> None:
        """Drop what is there: the result stands."""
        for slot in self._slots:
            self._store.drop(slot)
