"""What a step of a fitting found in an earlier run, so that it is not looked for again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy.typing as npt

Arrays = Mapping[str, Sequence[npt.NDArray[Any]]]


class Kept(Protocol):
    """Where steps keep what they find, for the samples of one fitting."""

    def values(self, step: str, made_of: Any, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """What `make` gives, plain values by name; or what it gave for the same step, `made_of` and samples."""

    def arrays(self, step: str, made_of: Any, make: Callable[[], Arrays]) -> Arrays:
        """Likewise arrays by name."""


class NothingKept:
    """Every step anew."""

    def values(self, step: str, made_of: Any, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:  # noqa: ARG002
        """What `make` gives."""
        return make()

    def arrays(self, step: str, made_of: Any, make: Callable[[], Arrays]) -> Arrays:  # noqa: ARG002
        """What `make` gives."""
        return make()


NOTHING_KEPT = NothingKept()
