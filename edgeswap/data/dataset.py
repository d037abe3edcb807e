"""Dataset: samples that are read by index, with labels where there are any. Raw samples stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgeswap.data.stored_array import StoredArray
from edgeswap.data.train_test_folders import Split
from edgeswap.errors import DataError

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
Labels = Array | Mapping[str, Array]
Shape = Sequence[int | None]
LARGEST_WHOLE = 2**53  # above, a float64 no longer tells whole numbers apart


class Samples(Protocol):
    """Where samples lie."""

    def __len__(self) -> int: ...

    def read(self, positions: Indices) -> Any:
        """The raw samples: an array (len(positions), ...), or a dict of such by input name."""

    def digests(self, positions: Indices) -> list[bytes]:
        """A SHA-256 of each raw sample."""


@dataclass(frozen=True, eq=False)
class ArraySamples:
    """Samples in memory or in a file: one array (N, ...) for each of the model's inputs."""

    arrays: Mapping[str, Array | StoredArray]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def read(self, positions: Indices) -> Any:
        """An array where the model has one input, else a dict of arrays by input name."""
        read = {name: array[positions] for name, array in self.arrays.items()}
        return read if len(read) > 1 else next(iter(read.values()))

    def digests(self, positions: Indices) -> list[bytes]:
        """Over the sample's bytes in every input, with their type and shape."""
        kinds = {name: f"{array.dtype.str}{array.shape[1:]}".encode() for name, array in self.arrays.items()}
        return [
            hashlib.sha256(
                b"".join(kinds[name] + np.ascontiguousarray(array[at]).tobytes() for name, array in self.arrays.items())
            ).digest()
            for at in positions
        ]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and what is known of them.

    Attributes:
        source: what the user named, for reports.
        samples: where the samples lie.
        positions: which of them are in this dataset, in order.
        labels: as the data hold them, in any form, the samples along the first axis: an array (N, ...), or a dict of
            such by the name of the model's output; None without labels. What they mean is the task's to say.
        class_names: in the order of the model's outputs; None where unknown.
        labels_by_name: whether labels come from names (folders, texts), so that another order of the names numbers them
            otherwise; else they are numbers as they were given.
        resize: how image files reach the model's input size, in words; None for arrays.
        split: which part this is, where the user named a dataset of several (train, test).
    """

    source: str
    samples: Samples
    positions: Indices
    labels: Labels | None = None
    class_names: tuple[str, ...] | None = None
    labels_by_name: bool = False
    resize: str | None = None
    split: Split | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def read(self, indices: npt.ArrayLike) -> Any:
        """The raw samples at `indices` of this dataset, in that order.

        Returns:
            an array (len(indices), ...): uint8 for images; or a dict of arrays by name for a model of several inputs.

        Raises:
            DataError: an image file that cannot be read.
        """
        return self.samples.read(self.positions[np.asarray(indices, np.int64)])

    def subset(self, indices: npt.ArrayLike) -> Dataset:
        """The dataset of the samples at `indices`, in that order."""
        chosen = np.asarray(indices, np.int64)
        given = self.labels
        if isinstance(given, Mapping):
            labels: Labels | None = {name: array[chosen] for name, array in given.items()}
        else:
            labels = None if given is None else given[chosen]
        return replace(self, positions=self.positions[chosen], labels=labels)

    @cached_property
    def classes(self) -> Indices | None:
        """The labels where they are one whole number a sample, int64 (N,), from (N,), (N, 1) or one-hot; else None.

        By them samples are stratified. Whole numbers of another meaning, such as ages, are among them.
        """
        labels = self.labels
        if labels is None or isinstance(labels, Mapping):
            return None
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        elif labels.ndim == 2 and np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all():
            labels = labels.argmax(axis=1)
        if labels.ndim != 1 or labels.dtype.kind not in "buif":
            return None
        if labels.dtype.kind == "f" and not ((labels == np.rint(labels)) & (np.abs(labels) <= LARGEST_WHOLE)).all():
            return None
        return labels.astype(np.int64)

    def with_labels(self, labels: Labels | None) -> Dataset:
        """The same samples with other labels, the samples along the first axis."""
        return replace(self, labels=labels)

    def with_names(self, names: Sequence[str]) -> Dataset:
        """The dataset with the classes in the order of `names`; labels that come from names follow it.

        Raises:
            DataError: labels come from names of which one is not in `names`.
        """
        if not self.labels_by_name or self.classes is None or self.class_names is None:
            return replace(self, class_names=tuple(names))
        number = {name: index for index, name in enumerate(names)}
        if unknown := [name for name in self.class_names if name not in number]:
            raise DataError(
                f"Expected a class named {unknown[0]!r} for {self.source}, got {', '.join(names[:10])}.",
                "Give a class the same name everywhere.",
            )
        order = np.array([number[name] for name in self.class_names], np.int64)
        return replace(self, class_names=tuple(names), labels=order[self.classes])

    @cached_property
    def digests(self) -> list[bytes]:
        """SHA-256 of each raw sample: of a file's bytes, or of an array's bytes with its type and shape."""
        return self.samples.digests(self.positions)

    @cached_property
    def sha256(self) -> str:
        """SHA-256, in hexadecimal, over the samples' digests and then the labels, in order.

        Whole numbers (N,) are little-endian int64; other labels their type, shape and bytes, in a dict after the name.
        """
        labels = self.labels
        if labels is None:
            parts: list[bytes] = []
        elif isinstance(labels, Mapping):
            parts = [name.encode() + _bytes_of(array) for name, array in sorted(labels.items())]
        elif labels.ndim == 1 and labels.dtype.kind in "ui":
            parts = [labels.astype("<i8").tobytes()]
        else:
            parts = [_bytes_of(labels)]
        return hashlib.sha256(b"".join([*self.digests, *parts])).hexdigest()


def evenly_spaced(count: int, most: int) -> Indices:
    """Numbers of at most so many of `count` samples, from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))


def _bytes_of(array: Array) -> bytes:
    return f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes()


@dataclass(frozen=True)
class Expected:
    """What the model takes.

    Attributes:
        input_shapes: name to shape without the batch, in order; None where a size is free.
        classes: how many have names, for class folders and files of names; None where there are no classes.
        class_names: in the order of the model's outputs; None where unknown.
        names_from: where they come from, for errors.
        mask_size: height and width that masks are brought to; those of the input where it is None.
    """

    input_shapes: Mapping[str, Shape]
    classes: int | None
    class_names: tuple[str, ...] | None
    names_from: str = "--labels"
    mask_size: tuple[int, int] | None = None
