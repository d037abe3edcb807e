"""The one array of labels of a model with one output, out of what the data hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.tasks.outputs import Signature

Array = npt.NDArray[Any]


def looked_at(given: Any | None, model: Signature) -> Array | None:
    """The labels of the model's one output as an array, to see what they are; None where there are none for it."""
    if isinstance(given, Mapping):
        name = model.outputs[0].named_in(given) if len(model.outputs) == 1 else None
        given = None if name is None else given[name]
    return None if given is None else np.asarray(given)


def label_array(given: Any, model: Signature, count: int, source: str) -> Array:
    """The labels of the model's one output: finite numbers or bools (N, ...).

    Args:
        given: an array (N, ...), or a dict of such by output name.
        model: with one output.
        count: number of samples, N.
        source: of the data, for errors.

    Raises:
        DataError: there are none for this output, not one for each sample, or they are not finite numbers.
    """
    y = looked_at(given, model)
    if y is None:
        raise DataError(
            f"Expected labels of the output {model.outputs[0].name!r} in {source}, got some of "
            f"{', '.join(map(repr, given)) or 'no output'}.",
            f"Name them y, or y_{model.outputs[0].name}.",
        )
    if y.shape[:1] != (count,) or y.dtype.kind not in "uifb":
        raise DataError(
            f"Expected numbers as labels of {count} samples in {source}, got {y.dtype} of shape {y.shape}.",
            "Give an array whose first axis is that of the samples.",
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DataError(
            f"Expected finite labels in {source}, got {int((~np.isfinite(y)).sum())} that are NaN or infinite.",
            "Leave the samples out whose labels are not known.",
        )
    return y


def only_0_and_1(y: Array) -> bool:
    """Whether all values are 0 or 1, of whatever dtype."""
    return y.dtype.kind == "b" or (y.dtype.kind in "uif" and bool(((y == 0) | (y == 1)).all()))


def beyond_a_sigmoid(given: Any | None, model: Signature) -> Array | None:
    """Two whole numbers for yes and no of which a sigmoid reaches not both, such as -1 and 1; None for other labels.

    Real values beyond 0 and 1, or more than two, are those of a regression, whatever its sigmoid may reach.
    """
    y = looked_at(given, model)
    if y is None or len(model.outputs) != 1 or model.outputs[0].head != "sigmoid" or y.dtype.kind not in "uif":
        return None
    if math.prod(y.shape[1:]) != math.prod(model.outputs[0].shape):
        return None
    values: Array = np.unique(y)
    return values if len(values) == 2 and (values % 1 == 0).all() and ((values < 0) | (values > 1)).any() else None


def one_hot(y: Array) -> bool:
    """Whether every row along the last axis is one 1 among zeros."""
    return y.ndim > 1 and only_0_and_1(y) and bool((y.sum(axis=-1) == 1).all())


def described(given: Any) -> str:
    """Labels in a few words, for errors."""
    if isinstance(given, Mapping):
        return f"labels of {', '.join(map(repr, given))}"
    y = np.asarray(given)
    if y.dtype.kind not in "uif" or not y.size:
        return f"labels {y.dtype} of shape {y.shape}"
    return f"labels {y.dtype} of shape {y.shape} from {y.min():.6g} to {y.max():.6g}"
