"""Images that were decoded before, in a temporary file of bounded size: a run reads most of them several times."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgeswap.data.stored_array import StoredArray

MOST_BYTES = 2**29  # 3,566 images of 224x224 in colour; temporary files may lie in memory
SHARE_OF_ROOM = 0.25  # of what the disk of temporary files has left

Positions = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


class DecodedImages:
    """The first images that were read, as many as there is room for; all others are decoded each time.

    Args:
        count: how many images there are.
        shape: height, width and channels of each.
    """

    def __init__(self, count: int, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._places = np.full(count, -1, np.int64)  # in the file, by the position of the image
        self._used = 0
        self._most = 0
        self._array: StoredArray | None = None
        self._lock = threading.Lock()

    def read(self, positions: Positions, decode: Callable[[Positions], Pixels]) -> Pixels:
        """The images at `positions`, uint8 (len(positions), height, width, channels).

        Args:
            positions: of images.
            decode: gives images that are not here.
        """
        places = self._places[positions]
        here = places >= 0
        found = np.empty((len(positions), *self._shape), np.uint8)
        if here.any():
            assert self._array is not None
            found[here] = self._array[places[here]]
        if not here.all():
            found[~here] = decode(positions[~here])
            with self._lock:
                self._keep(positions[~here], found[~here])
        return found

    def _keep(self, positions: Positions, images: Pixels) -> None:
        if self._array is None:
            self._array = self._opened()
        each = math.prod(self._shape)
        for position, image in zip(positions, images, strict=True):
            if self._used >= self._most:
                return
            if self._places[position] >= 0:
                continue
            try:
                written = os.pwrite(self._array.descriptor, image.tobytes(), self._used * each)
            except OSError:  # the disk is full: what does not fit is decoded each time
                written = 0
            if written < each:
                self._most = self._used
                return
            self._places[position] = self._used
            self._used += 1

    def _opened(self) -> StoredArray:
        each = math.prod(self._shape)
        room = int(SHARE_OF_ROOM * shutil.disk_usage(tempfile.gettempdir()).free)
        self._most = min(MOST_BYTES, room) // each
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
        return StoredArray(descriptor, 0, (self._most, *self._shape), np.dtype(np.uint8), "the decoded images")
