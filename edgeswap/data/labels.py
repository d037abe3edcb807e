"""Labels of any form as arrays: numbers as they are, names as class numbers; what they mean is not asked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from edgeswap.data.class_names import require_known_names
from edgeswap.data.dataset import Array, Expected, Indices, Labels
from edgeswap.errors import DataError


class Found(NamedTuple):
    """Labels, and what they say of the classes.

    Attributes:
        labels: an array (N, ...), or a dict of such by output name; None without labels.
        class_names: in the order of the class numbers; None where unknown.
        by_name: whether the labels were names.
    """

    labels: Labels | None
    class_names: tuple[str, ...] | None
    by_name: bool = False


def read_labels(given: Any, count: int, source: str, expected: Expected) -> Found:
    """The labels of `count` samples.

    Args:
        given: numbers (count, ...) of any shape, or names (count,) or (count, 1); or a dict of numbers by output name;
            None without labels.
        count: the number of samples, N.
        source: what the user named, for errors.
        expected: whose class names number the names; without them the names are sorted.

    Raises:
        DataError: neither numbers nor names, not one for each sample, NaN or infinity (rows of nothing but NaN stand
            for no box in (N, boxes, 5)), a name that is none of the class names, or not as many names as classes.
    """
    if given is None:
        return Found(None, expected.class_names)
    if isinstance(given, Mapping):
        arrays = {str(name): _array(values, count, f"labels {str(name)!r}", source) for name, values in given.items()}
        if not arrays:
            raise DataError(f"Expected labels in {source}, got an empty dict.", "Give one array for each output.")
        if text := [name for name, array in arrays.items() if array.dtype.kind == "U"]:
            raise DataError(
                f"Expected numbers as labels of several outputs in {source}, got names for {text[0]!r}.",
                "Number the classes from 0 in the order of the model's outputs.",
            )
        return Found(arrays, expected.class_names)
    if isinstance(given, list) and len(given) != count and all(np.shape(each)[:1] == (count,) for each in given):
        raise DataError(
            f"Expected labels of {count} samples in {source}, got a list of {len(given)} arrays.",
            "Give a dict of the arrays by the names of the outputs, such as {'kind': ..., 'size': ...}.",
        )
    array = _array(given, count, "labels", source)
    if array.dtype.kind != "U":
        return Found(array, expected.class_names)
    return _numbered(array, source, expected)


def _array(given: Any, count: int, what: str, source: str) -> Array:
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise DataError(
            f"Expected {what} of one shape in {source}, got: {error}.", "Give the labels of all samples the same shape."
        ) from error
    array = _as_text(array)
    if array.dtype.kind not in "buifU":
        raise DataError(
            f"Expected numbers or names as {what} in {source}, got {array.dtype}.", "Give one number or name a sample."
        )
    if array.shape[:1] != (count,):
        raise DataError(
            f"Expected {what} for {count} samples in {source}, got an array of shape {array.shape}.",
            "Give one label for each sample, in the order of the samples.",
        )
    if array.dtype.kind == "f" and not (fine := _is_told(array)).all():
        raise DataError(
            f"Expected finite numbers as {what} in {source}, got NaN or infinity, first in sample "
            f"{int(np.flatnonzero(~fine)[0])}.",
            "Correct or remove these samples.",
        )
    return array


def _as_text(array: Array) -> Array:
    """Names as str, which come as bytes from tf.data and as objects from pandas; other arrays as they are."""
    if array.dtype.kind not in "SO" or not array.size:
        return array
    items = array.reshape(-1).tolist()
    if not all(isinstance(item, (str, bytes)) for item in items):
        return array
    names = [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in items]
    return np.array(names, np.str_).reshape(array.shape)


def _is_told(array: Array) -> Array:
    """Of each sample whether its numbers are finite, or boxes of which the unused rows are NaN throughout."""
    each = np.isfinite(array)
    if array.ndim == 3 and array.shape[2] == 5:
        each = np.isnan(array).all(axis=2, keepdims=True) | each
    return np.asarray(each.reshape(len(array), -1).all(axis=1))


def _numbered(names: Array, source: str, expected: Expected) -> Found:
    if names.shape[1:] not in ((), (1,)):
        raise DataError(
            f"Expected one class name a sample in {source}, got an array of names of shape {names.shape}.",
            "Give a matrix of 0 and 1 for samples of several classes.",
        )
    known, positions = np.unique(names.reshape(-1), return_inverse=True)
    sorted_names = tuple(str(name) for name in known)
    order = sorted_names if expected.class_names is None else expected.class_names
    require_known_names(sorted_names, order, "labels", names_from=expected.names_from, source=source)
    number = {name: index for index, name in enumerate(order)}
    if expected.classes is not None and len(order) != expected.classes:
        raise DataError(
            f"Expected labels of {expected.classes} names, as many as the model has classes, got {len(order)} names "
            f"in {source}.",
            "Give samples of every class, or the names of all classes with --labels FILE.",
        )
    labels: Indices = np.array([number[name] for name in sorted_names], np.int64)[positions.reshape(-1)]
    return Found(labels, order, by_name=True)
