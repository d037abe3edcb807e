"""Arrays as a dataset: from memory, from an .npz or from a tf.data.Dataset, checked against the model's inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgeswap.data.dataset import Array, ArraySamples, Dataset, Expected, Shape
from edgeswap.data.labels import read_labels
from edgeswap.data.npz import read_npz
from edgeswap.data.stored_array import StoredArray
from edgeswap.errors import DataError

LABEL_PREFIX = "y_"
CHECKED_BYTES = 2**24


def from_arrays(x: Any, y: Any, source: str, expected: Expected) -> Dataset:
    """The dataset of samples in memory.

    Args:
        x: (N, ...) numbers, or a dict of such by input name, or a list of such in the order of several inputs.
        y: labels of any form, or a dict of such by output name (`read_labels`); None without labels.
        source: what the user named, for reports and errors.
        expected: what the model takes.

    Raises:
        DataError: names, types, shapes or lengths do not fit, or a value is NaN or infinite.
    """
    wanted = list(expected.input_shapes)
    if isinstance(x, list) and len(x) == len(wanted) > 1:
        x = dict(zip(wanted, x, strict=True))
    given = dict(x) if isinstance(x, Mapping) else {"x": x}
    if len(wanted) == 1 and set(given) == {"x"}:
        given = {wanted[0]: given["x"]}
    if set(given) != set(wanted):
        names = "x" if len(wanted) == 1 else ", ".join(wanted)
        raise DataError(
            f"Expected {names} and optionally y in {source}, got {', '.join(given) or 'no samples'}.",
            "Name the samples x and the labels y."
            if len(wanted) == 1
            else "Name the samples as the model's inputs, and the labels y, or y_OUTPUT for each; from Python give "
            "a dict by these names, or a list of one array for each input in this order, with labels as ([...], y).",
        )
    try:
        arrays = {name: _as_array(given[name]) for name in wanted}
    except ValueError as error:
        raise DataError(f"Expected arrays in {source}, got: {error}.", "Give all samples the same shape.") from error
    for name, shape in expected.input_shapes.items():
        _check_samples(arrays[name], shape, name if len(wanted) > 1 else "x", source)
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"Expected as many samples for every input in {source}, got {lengths}.", "Give one for each.")
    count = lengths[wanted[0]]
    found = read_labels(y, count, source, expected)
    samples = ArraySamples(arrays)
    return Dataset(source, samples, np.arange(count), found.labels, found.class_names, labels_by_name=found.by_name)


def from_npz(path: Path, source: str, expected: Expected) -> Dataset:
    """The dataset of an .npz with `x`, or one array per input name, and optionally `y`, or `y_<output name>` each.

    Raises:
        DataError: the file is no .npz of plain arrays, has both `y` and `y_<output name>`, or the arrays do not fit
            (`from_arrays`).
    """
    arrays = read_npz(path, stays=lambda name: name == "x" or name in expected.input_shapes)
    named = [name for name in arrays if name.startswith(LABEL_PREFIX) and name not in expected.input_shapes]
    by_output = {name.removeprefix(LABEL_PREFIX): arrays.pop(name) for name in named}
    y = None if "y" in expected.input_shapes else arrays.pop("y", None)
    if y is not None and by_output:
        raise DataError(
            f"Expected labels as y, or as y_ and the name of an output each, in {source}, got y and {named[0]}.",
            "Leave one of the two out.",
        )
    return from_arrays(arrays, by_output if by_output else y, source, expected)


def from_tf(dataset: Any, source: str, expected: Expected) -> Dataset:
    """The dataset of a finite tf.data.Dataset of x or (x, y), batched or not; it is read into memory.

    Raises:
        DataError: it is endless or empty, has other parts, or does not fit (`from_arrays`).
    """
    if int(dataset.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise DataError(
            f"Expected a finite dataset, got an endless one from {source}.", "Leave out repeat() or take(n)."
        )
    labelled = isinstance(dataset.element_spec, tuple)
    if labelled and len(dataset.element_spec) != 2:
        raise DataError(
            f"Expected elements x or (x, y) from {source}, got {len(dataset.element_spec)} parts.", "Leave weights out."
        )
    elements: list[Any] = [element if labelled else (element,) for element in dataset.as_numpy_iterator()]
    if not elements:
        raise DataError(f"Expected samples in {source}, got none.", "Check the source of the dataset.")
    first = elements[0][0]
    name, shape = next(iter(expected.input_shapes.items()))
    rank = np.ndim(first[name] if isinstance(first, Mapping) and name in first else first)
    join = np.concatenate if rank == len(shape) + 1 else np.stack
    if isinstance(first, Mapping):
        x: Any = {key: join([element[0][key] for element in elements]) for key in first}
    else:
        x = join([element[0] for element in elements])
    if not labelled:
        return from_arrays(x, None, source, expected)
    first = elements[0][1]
    if isinstance(first, Mapping):
        y: Any = {key: join([element[1][key] for element in elements]) for key in first}
    else:
        y = join([element[1] for element in elements])
    return from_arrays(x, y, source, expected)


def _as_array(given: Any) -> Array | StoredArray:
    return given if isinstance(given, StoredArray) else np.asarray(given)


def _check_samples(array: Array | StoredArray, shape: Shape, name: str, source: str) -> None:
    if array.dtype.kind not in "buif":
        raise DataError(f"Expected numbers in {name} of {source}, got {array.dtype}.", "Give uint8 pixels or floats.")
    if not _fits(array.shape, shape):
        sizes = ", ".join("any" if size is None else str(size) for size in shape)
        raise DataError(
            f"Expected {name} of shape (samples, {sizes}), as the model takes, got {array.shape} in {source}.",
            _reshaping(name, array.shape, shape),
        )
    if not len(array):
        raise DataError(f"Expected samples in {name} of {source}, got none.", "Check how the array was made.")
    bad = _first_not_finite(array) if array.dtype.kind == "f" else None
    if bad is not None:
        raise DataError(
            f"Expected finite numbers in {name} of {source}, got NaN or infinity, first in sample {bad}.",
            "Correct or remove these samples.",
        )


def _first_not_finite(array: Array | StoredArray) -> int | None:
    """The first sample with a value that is no number; read piece by piece."""
    piece = max(1, CHECKED_BYTES // max(1, math.prod(array.shape[1:]) * array.dtype.itemsize))
    for start in range(0, len(array), piece):
        finite = np.isfinite(array[start : start + piece])
        if not finite.all():
            return start + int(np.flatnonzero(~finite.reshape(len(finite), -1).all(axis=1))[0])
    return None


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) + 1 and all(
        size in (None, got) for size, got in zip(wanted, shape[1:], strict=True)
    )


def _reshaping(name: str, shape: tuple[int, ...], wanted: Shape) -> str:
    """What to do with samples of another shape than the model takes."""
    if len(shape) == 4 and _fits((shape[0], shape[2], shape[3], shape[1]), wanted):
        return f"They have their channels first, as in PyTorch: give {name}.transpose(0, 2, 3, 1)."
    if len(shape) == 3 and _fits((*shape, 1), wanted):
        return f"A grayscale image needs its channel axis too: give {name}[..., numpy.newaxis]."
    return "Reshape or resize the samples to what the model takes."
