"""The teacher: what the float model gives for each training sample, before its last softmax or sigmoid.

A loss of the user's own is taught by the outputs as they are: `whole`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.training.losses import logits_model

MOST_KEPT_BYTES = 2**28
SOME = 256

Array = npt.NDArray[Any]


class Teacher:
    """A model that says what another shall give.

    There is no augmentation that would change what it says, so it is asked of each sample once; where that would fill
    the memory, as maps of many classes do, in every step anew.

    Attributes:
        some: for each output what it says of some samples (n, ...), evenly spaced.
    """

    def __init__(
        self,
        model: Any,
        read: Callable[[npt.NDArray[np.int64]], Sequence[Array]],
        count: int,
        batch_size: int,
        *,
        whole: bool = False,
    ) -> None:
        self._model = model if whole else logits_model(model)[0]
        each = sum(4 * int(np.prod([size or 1 for size in output.shape[1:]])) for output in self._model.outputs)
        kept = count * each <= MOST_KEPT_BYTES
        rows = np.arange(count) if kept else np.unique(np.linspace(0, count - 1, SOME).astype(np.int64))
        parts = [self._ask(read(rows[start : start + batch_size])) for start in range(0, len(rows), batch_size)]
        self.some = [np.concatenate(output) for output in zip(*parts, strict=True)]
        self._kept = kept

    def logits(self, rows: npt.NDArray[np.int64], arrays: Sequence[Array]) -> list[Array]:
        """For each output what the teacher says of the samples at `rows`, which are `arrays`, one for each input."""
        return [output[rows] for output in self.some] if self._kept else self._ask(arrays)

    def _ask(self, arrays: Sequence[Array]) -> list[Array]:
        given = self._model(list(arrays) if len(arrays) > 1 else arrays[0], training=False)
        return [np.asarray(output) for output in (given if isinstance(given, (list, tuple)) else [given])]
