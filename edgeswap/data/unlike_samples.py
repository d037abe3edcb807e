"""Data of which every sample is the same: told before they are split, as each later check would say something else."""

from __future__ import annotations

import numpy as np

from edgeswap.data.dataset import Dataset
from edgeswap.errors import DataError


def require_unlike(data: Dataset) -> None:
    """Refuse samples that are all the same, to the byte.

    Raises:
        DataError: they are; it says which value they hold where that is one.
    """
    if len(data) < 2 or len(set(data.digests)) > 1:
        return
    first = data.read(np.arange(1))
    arrays = list(first.values()) if isinstance(first, dict) else [first]
    values = {float(value) for array in arrays for value in (array.min(), array.max())}
    constant = f", with {min(values):g} as every value" if len(values) == 1 else ""
    cause = "it never filled the array" if values == {0.0} else "it wrote one sample again and again"
    raise DataError(
        f"Expected samples that differ in {data.source}, got {len(data)} that are all the same{constant}.",
        f"Check the code that wrote them: perhaps {cause}.",
    )
