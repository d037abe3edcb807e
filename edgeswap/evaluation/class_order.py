"""The order of class folders with numbers as names: sorted as text, 10 comes before 2; the model knows one order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from edgeswap.data.calibration import choose
from edgeswap.data.dataset import Dataset
from edgeswap.records import Caution

SAMPLES = 200
Classes = npt.NDArray[np.int64]


def by_number(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names sorted by number; None if they are not whole numbers, already in that order, or not sorted as text."""
    if names is None or not all(name.isdecimal() for name in names) or list(names) != sorted(names):
        return None
    order = tuple(sorted(names, key=int))
    return None if order == tuple(names) else order


def class_order(
    datasets: Sequence[Dataset | None], ask: Callable[[Dataset], Classes], seed: int
) -> tuple[tuple[str, ...] | None, Caution | None]:
    """The order of numbered class folders with which the float32 model was trained.

    Args:
        datasets: datasets with the same class names; the first one with class folders decides.
        ask: gives the class that the float32 model predicts for each sample of a dataset.
        seed: for the choice of samples.

    Returns:
        the names sorted by number if the model is right more often with that order, else None; and the warning, None
        if there is nothing to decide.
    """
    judge = next((data for data in datasets if data is not None and data.labels_by_name), None)
    order = None if judge is None else by_number(judge.class_names)
    if judge is None or order is None:
        return None, None
    sample = judge.subset(choose(len(judge), judge.classes, SAMPLES, seed))
    said = ask(sample)
    as_text, as_numbers = (float(np.mean(said == data.classes)) for data in (sample, sample.with_names(order)))
    numbered = as_numbers > as_text
    return (
        order if numbered else None,
        Caution(
            kind="class_order",
            problem=f"The class names of {judge.source} are numbers. Sorted by number, the float32 model is right on "
            f"{as_numbers:.1%} of {len(sample)} samples; sorted as text (10 before 2), on {as_text:.1%}. They were "
            f"sorted {'by number' if numbered else 'as text'}.",
            remedy="To set the order yourself, pass --labels FILE with the names in the model's order.",
        ),
    )
