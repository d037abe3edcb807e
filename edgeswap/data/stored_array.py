"""Samples that stay in their file: only those that are asked for are in memory, however many there are."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array (N, ...) in C order within an open file, read by rows; what is read is an array of NumPy.

    A mapped file would do as well, but its pages count as memory of the process for as long as there is room.

    Attributes:
        descriptor: of the file, open to read; it is closed with this.
        start: where the first number stands.
        shape: of the whole.
        dtype: without Python objects.
        source: the user's name of the file, for errors.
    """

    descriptor: int
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    source: str

    def __post_init__(self) -> None:
        weakref.finalize(self, os.close, self.descriptor)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Array:
        """The rows of a number, a slice or an array of numbers from 0.

        Raises:
            DataError: the file has become shorter.
        """
        if isinstance(rows, slice):
            return self[np.arange(*rows.indices(len(self)))]
        numbers = np.atleast_1d(np.asarray(rows, np.int64))
        found = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        each = math.prod(self.shape[1:]) * self.dtype.itemsize
        room = memoryview(found.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        for run in np.split(np.arange(len(numbers)), breaks) if len(numbers) and each else ():
            first = int(run[0])
            self._fill(room[first * each : (first + len(run)) * each], self.start + int(numbers[first]) * each)
        return found if np.ndim(rows) else found[0]

    def _fill(self, room: memoryview, offset: int) -> None:
        while room:
            count = os.preadv(self.descriptor, [room], offset)
            if not count:
                raise DataError(
                    f"Expected {self.source} to stay as it is during the run, but it has become shorter.",
                    "Run again once nothing writes to that file any more.",
                )
            room, offset = room[count:], offset + count


def unpacked(pieces: Iterable[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], source: str) -> StoredArray:
    """The array of these bytes, in a temporary file that goes with it.

    Raises:
        DataError: the disk of temporary files has no room.
    """
    size, place = math.prod(shape) * dtype.itemsize, tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if size > free:
        raise DataError(
            f"Expected {size:,} bytes of room in {place!r} for the samples of {source}, got {free:,}.",
            "Free some space, set TMPDIR to a folder on another disk, or write the file by numpy.savez, which does not "
            "compress and needs no copy.",
        )
    with tempfile.TemporaryFile() as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        return StoredArray(os.dup(file.fileno()), 0, shape, dtype, source)
