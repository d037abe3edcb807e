"""The order of class folders whose names are numbers: as text 10 stands before 2, and the model was trained by one."""

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
    """Names in the order of their numbers; None where they are no whole numbers, or stand so, or not as text does."""
    if names is None or not all(name.isdecimal() for name in names) or list(names) != sorted(names):
        return None
    order = tuple(sorted(names, key=int))
    return None if order == tuple(names) else order


def class_order(
    datasets: Sequence[Dataset | None], ask: Callable[[Dataset], Classes], seed: int
) -> tuple[tuple[str, ...] | None, Caution | None]:
    """Which order of numbered class folders the float model was trained with.

    Args:
        datasets: that have the same class names; the first with class folders is asked about.
        ask: what the float model says of each sample of a dataset.
        seed: of the choice of samples.

    Returns:
        the names in the order of their numbers where the model is right more often with it, else None; and what is to
        be said of it, None where there is nothing to decide.
    """
    judge = next((data for data in datasets if data is not None and data.labels_by_name), None)
    order = None if judge is None else by_number(judge.class_names)
    if judge is None or order is None:
        return None, None
    sample = judge.subset(choose(len(judge), judge.labels, SAMPLES, seed))
    said = ask(sample)
    as_text, as_numbers = (float(np.mean(said == data.labels)) for data in (sample, sample.with_names(order)))
    numbered = as_numbers > as_text
    return (
        order if numbered else None,
        Caution(
            kind="class_order",
            problem=f"The class folders of {judge.source} are numbers, and as text 10 stands before 2: on "
            f"{len(sample)} samples the float model is right in {as_numbers:.1%} by number and {as_text:.1%} as text, "
            f"so they are taken {'by number' if numbered else 'as text'}.",
            remedy="Pass --labels FILE, with their names in the model's order, to say it yourself.",
        ),
    )
