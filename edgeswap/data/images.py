"""Image files that are read by position: checked, turned as their EXIF says, decoded and brought to size."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import weakref
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from edgeswap.data.decoded import DecodedImages
from edgeswap.data.resizing import SIXTEEN_BIT_MODES, Pixels, Resize, fit
from edgeswap.data.zip_members import ZipMembers
from edgeswap.errors import DataError

SUFFIXES = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
OTHER_IMAGE_SUFFIXES = (".avif", ".dng", ".heic", ".heif", ".jp2", ".jxl", ".ppm", ".svg", ".tga")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
EIGHT_BIT_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
LARGEST_FILE_BYTES = 256 * 2**20
LYING = 5  # from this EXIF orientation on, rows are stored as columns
# What Pillow's plugins raise for bytes that are no image of theirs; a warning is one where a filter makes it an error.
UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError, TypeError,
    ValueError, Warning, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip

Decoded = TypeVar("Decoded")


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Image files that are read by position.

    Attributes:
        root: the folder or the .zip.
        files: names below `root`, as the .zip or the file system has them.
        shape: height, width and channels (1 grayscale, 3 RGB, 4 RGBA) that every image is brought to.
        resize: how; `keras` also leaves the EXIF orientation aside, as Keras's own loader does.
    """

    root: Path
    files: tuple[str, ...]
    shape: tuple[int, int, int]
    resize: Resize = "pillow"

    def __len__(self) -> int:
        return len(self.files)

    def read(self, positions: npt.NDArray[np.int64]) -> Pixels:
        """The images at `positions`, decoded and resized: uint8 (len(positions), height, width, channels).

        What was read before is not decoded again, as far as `DecodedImages` has room.

        Raises:
            DataError: an image that cannot be read; it is named.
        """
        return self._decoded.read(positions, self._decode)

    @cached_property
    def _decoded(self) -> DecodedImages:
        return DecodedImages(len(self.files), self.shape)

    def _decode(self, positions: npt.NDArray[np.int64]) -> Pixels:
        if not len(positions):
            return np.empty((0, *self.shape), np.uint8)
        with _threads(len(positions)) as pool:
            return np.stack(list(pool.map(self._pixels, positions)))

    def decode(self, position: int, how: Callable[[Image.Image], Decoded]) -> Decoded:
        """What `how` makes of the image at `position`, which it is handed as it is stored, before it is decoded.

        Raises:
            DataError: it cannot be read.
        """
        image = self._open(position)
        try:
            return how(image)
        except UNREADABLE as error:
            raise self._unreadable(position, error) from error

    def sizes(self, positions: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
        """Height and width of each image before it is resized, upright unless `resize` leaves it as it is stored.

        Raises:
            DataError: an image that is none, by its first bytes; it is named.
        """
        if not len(positions):
            return []
        with _threads(len(positions)) as pool:
            return list(pool.map(self._size, positions))

    def digests(self, positions: npt.NDArray[np.int64]) -> list[bytes]:
        """The SHA-256 of each file's bytes: the same whatever size the images are brought to."""
        return [hashlib.sha256(self._bytes(position)).digest() for position in positions]

    def sideways(self, positions: npt.NDArray[np.int64]) -> int:
        """Decode every image at `positions` once and count those that are stored turned or mirrored (EXIF).

        Raises:
            DataError: images that cannot be read: the first, how many, and why.
        """
        if not len(positions):
            return 0
        with _threads(len(positions)) as pool:
            found = list(pool.map(self._orientation, positions))
        broken = [error for error in found if isinstance(error, DataError)]
        if len(broken) > 1:
            raise DataError(
                f"{broken[0].problem.removesuffix('.')}; {len(broken) - 1} more of {len(positions)} cannot be read.",
                "Replace or remove these files.",
            )
        if broken:
            raise broken[0]
        return sum(orientation not in (0, 1) for orientation in found if not isinstance(orientation, DataError))

    def _pixels(self, position: int) -> Pixels:
        image = self._open(position)
        try:
            image.load()
            upright = image if self.resize == "keras" or _orientation(image) in (0, 1) else _turned(image)
            return fit(upright, self.shape, self.resize)
        except UNREADABLE as error:
            raise self._unreadable(position, error) from error

    def _size(self, position: int) -> tuple[int, int]:
        image = self._open(position)
        lies = self.resize != "keras" and _orientation(image) >= LYING
        return (image.width, image.height) if lies else (image.height, image.width)

    def _orientation(self, position: int) -> int | DataError:
        """The EXIF orientation of an image that can be read, or the error of one that cannot."""
        try:
            image = self._open(position)
            try:
                image.draft(None, self.shape[1::-1])  # a JPEG is decoded small, and all the same to its end
                image.load()
                return _orientation(image)
            except UNREADABLE as error:
                return self._unreadable(position, error)
        except DataError as error:
            return error

    def _open(self, position: int) -> Image.Image:
        data = self._bytes(position)
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except UNREADABLE as error:
            raise self._unreadable(position, error) from error
        if image.width * image.height > (Image.MAX_IMAGE_PIXELS or 0):
            raise self._refused(
                position, f"at most {Image.MAX_IMAGE_PIXELS:,} pixels", f"{image.width} x {image.height}"
            )
        if image.mode not in (*EIGHT_BIT_MODES, *SIXTEEN_BIT_MODES):
            raise self._refused(position, "an image of 8 or 16 bits a channel", f"Pillow's mode {image.mode}")
        return image

    def _bytes(self, position: int) -> bytes:
        most = f"at most {LARGEST_FILE_BYTES:,} bytes"
        try:
            if self._members is None:
                return self._content(position, most)
            size = self._members.size(position)
            if size > LARGEST_FILE_BYTES:
                raise self._refused(position, most, f"{size:,}")
            return self._members.read(position)
        except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
            # zipfile raises RuntimeError for an encrypted file and NotImplementedError for an unknown compression.
            raise self._refused(position, "a file that can be read", str(error)) from error

    def _content(self, position: int, most: str) -> bytes:
        # A pipe that took the place of a file would be waited for without end.
        descriptor = os.open(
            self.root / self.files[position], os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise self._refused(position, "a file", "a pipe or a device")
            if status.st_size > LARGEST_FILE_BYTES:
                raise self._refused(position, most, f"{status.st_size:,}")
            return opened.read(LARGEST_FILE_BYTES)

    @cached_property
    def _members(self) -> ZipMembers | None:
        """Open as long as this object is there."""
        if self.root.is_dir():
            return None
        members = ZipMembers(self.root, self.files)
        weakref.finalize(self, members.close)
        return members

    def _unreadable(self, position: int, error: BaseException) -> DataError:
        kinds = "a whole JPEG, PNG, WebP, BMP, GIF or TIFF image"
        if isinstance(error, UnidentifiedImageError):
            return self._refused(position, kinds, "it is none of them")
        words = re.sub(r"<_io\.\w+[^>]*>", "it", " ".join(str(error).split()))
        return self._refused(position, kinds, words or type(error).__name__)

    def _refused(self, position: int, expected: str, got: str) -> DataError:
        where = f"{self.files[position]} in {self.root}"
        return DataError(f"Expected {expected}, got {where}: {got.rstrip('.')}.", "Replace or remove the file.")


def is_there(folder: Path, name: str) -> bool:
    """Whether `name` is a file below `folder`, whatever the name holds."""
    try:
        return (folder / name).is_file()
    except (OSError, ValueError):  # too long for a name, or with a zero byte
        return False


def _threads(most: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(most, os.cpu_count() or 1))


def _turned(image: Image.Image) -> Image.Image:
    turned: Image.Image = ImageOps.exif_transpose(image)
    return turned


def _orientation(image: Image.Image) -> int:
    """1 to 8 as the EXIF of a photograph says how it is stored, 0 where it says nothing that can be read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 0)
    except UNREADABLE:  # a viewer shows such a photograph as it is stored
        return 0
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 0
