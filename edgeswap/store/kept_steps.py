"""The steps of a fitting in the run store: observed ranges, searched ones, channel sizes, corrected weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy.typing as npt

from edgeswap.quantization.kept import Arrays
from edgeswap.store.digest import digest
from edgeswap.store.forms import NAMED_ARRAYS, VALUES
from edgeswap.store.keys import fitting_step
from edgeswap.store.run_store import Form, RunStore

T = TypeVar("T")


class KeptSteps:
    """See `edgeswap.quantization.kept.Kept`.

    Args:
        store: of the run.
        samples: the representative dataset, one array (N, ...) for each input.
    """

    def __init__(self, store: RunStore, samples: Sequence[npt.NDArray[Any]]) -> None:
        self._store, self._samples = store, samples

    @cached_property
    def _told(self) -> str:
        """The samples, which every step is made of, told once: they may be hundreds of MB."""
        return digest(list(self._samples))

    def values(self, step: str, made_of: Any, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """As `Kept` has it."""
        return self._kept(step, made_of, make, VALUES)

    def arrays(self, step: str, made_of: Any, make: Callable[[], Arrays]) -> Arrays:
        """As `Kept` has it."""
        return self._kept(step, made_of, make, NAMED_ARRAYS)

    def _kept(self, step: str, made_of: Any, make: Callable[[], T], form: Form[T]) -> T:
        if not self._store.is_on:
            return make()
        key = self._store.key(fitting_step(step, made_of=made_of, samples=self._told), warns=False)
        found = self._store.find(key, form)
        if found is None:
            found = make()
            self._store.keep(key, form, found)
        return found
