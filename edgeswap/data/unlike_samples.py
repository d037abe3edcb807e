"""Data of which every sample or label is the same: told early, as each later check would say something else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeswap.data.dataset import Dataset
from edgeswap.errors import DataError

# Fewer labels may be the same by chance: of values that are mostly 0, such as rain.
FEW_LABELS = 10


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


def require_unlike_values(labels: npt.NDArray[np.generic], data: Dataset, *, role: str, output: str = "") -> None:
    """Refuse labels, numbers (N, ...) of a regression, that are the same in every sample.

    Raises:
        DataError: they are. No figure of quality tells a model from one that always answers the same, and training
            towards them makes such a model.
    """
    if len(labels) < FEW_LABELS or (labels != labels[:1]).any():
        return
    numbers = np.unique(labels[0])
    what = f"with {float(numbers[0]):g} as every label" if len(numbers) == 1 else "with one label for all samples"
    of = f" of the output {output!r}" if output else ""
    raise DataError(
        f"Expected {role} labels{of} that differ in {data.source}, got {len(labels)} samples {what}: no figure tells a "
        "model that knows them from one that always answers the same.",
        "Check the code that wrote the labels; or leave them out, and the outputs of both models are compared.",
    )
