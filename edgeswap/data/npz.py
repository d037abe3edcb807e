"""An .npz as plain arrays: what its headers claim is held against what is there before memory is taken for it."""

from __future__ import annotations

import io
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.listing import refuse_bomb
from edgeswap.data.stored_array import StoredArray, unpacked
from edgeswap.errors import DataError

LARGEST_HEADER_BYTES = 10_000  # numpy's own limit for headers that nobody vouches for
MEMORY_SHARE = 0.8
PIECE_BYTES = 2**20
LARGE_BYTES = 2**25  # of one array; smaller ones are as well in memory
LOCAL_HEADER_BYTES = 30


def read_npz(path: Path, *, stays: Callable[[str], bool] | None = None) -> dict[str, Any]:
    """The arrays of an .npz by name.

    Args:
        path: the file.
        stays: which arrays, by name, stay in the file where they are large, as a `StoredArray`; what is compressed is
            unpacked into a temporary file first.

    Raises:
        DataError: it is no zip of .npy files, is broken, holds Python objects or sizes that cannot be, or takes more
            memory than this machine has.
    """
    arrays: dict[str, Any] = {}
    with _opened(path) as archive:
        in_memory = 0
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if entry.file_size > LARGE_BYTES and stays is not None and stays(name):
                arrays[name] = _stored(path, archive, entry)
                continue
            in_memory += entry.file_size
            refuse_more_than_memory(str(path), in_memory)
            arrays[name] = _array(archive, entry)
    return arrays


def require_headers(path: Path) -> None:
    """Refuse an .npz of which `read_npz` would not come through the headers; no array is read.

    Raises:
        DataError: as `read_npz`.
    """
    with _opened(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as member:
                _header(member, entry)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_bomb(path, archive)
            yield archive
    except (
        OSError, EOFError, ValueError, RuntimeError, SyntaxError, TypeError, KeyError, OverflowError,
        NotImplementedError, RecursionError, MemoryError, zipfile.BadZipFile, zlib.error, struct.error,
        tokenize.TokenError,
    ) as error:  # fmt: skip
        words = " ".join(str(error).split()) or type(error).__name__
        is_damaged = isinstance(error, (OSError, EOFError, zipfile.BadZipFile, zlib.error))
        raise DataError(
            f"Expected plain arrays in {path}, got: {words.rstrip('.')}.",
            "The file is damaged, or only part of it is there: copy it again, or write it again with numpy.savez."
            if is_damaged
            else "Write numeric arrays with numpy.savez; pickled objects are not read, because they can run code.",
        ) from error


def _stored(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Any:
    """A large array that stays in a file, with its checksum looked at once; in memory where its order is Fortran's."""
    with archive.open(entry) as member:
        shape, fortran, dtype = _header(member, entry)
        if not shape or fortran:
            refuse_more_than_memory(str(path), entry.file_size)
            return _array(archive, entry)
        size = math.prod(shape) * dtype.itemsize
        pieces = iter(partial(member.read, PIECE_BYTES), b"")
        if entry.compress_type != zipfile.ZIP_STORED:
            return unpacked(pieces, shape, dtype, str(path))
        for _ in pieces:
            pass
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    header = os.pread(descriptor, LOCAL_HEADER_BYTES, entry.header_offset)
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")  # of two more fields
    start = entry.header_offset + LOCAL_HEADER_BYTES + lengths + entry.file_size - size
    return StoredArray(descriptor, start, shape, dtype, str(path))


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(entry) as member:
        shape, fortran, dtype = _header(member, entry)
        size = math.prod(shape) * dtype.itemsize
        flat = np.empty(math.prod(shape), dtype)
        filled = 0
        while filled < size:
            piece = member.read(min(PIECE_BYTES, size - filled))
            if not piece:
                raise EOFError(f"{entry.filename} ends after {filled} of {size} bytes")
            flat.view(np.uint8)[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        member.read(1)  # to the end, where the checksum is looked at
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _header(member: IO[bytes], entry: zipfile.ZipInfo) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an array, which its size fits; the format is that of numpy.lib.format."""
    name = entry.filename
    magic = member.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        raise ValueError(f"{name} is no .npy file")
    width = 2 if magic[6] == 1 else 4
    length = int.from_bytes(member.read(width), "little")
    if length > LARGEST_HEADER_BYTES:
        raise ValueError(f"{name} has a header of {length} bytes")
    text = member.read(length)
    stream = io.BytesIO(length.to_bytes(width, "little") + text)
    read = np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    if any(isinstance(size, bool) or size < 0 for size in shape) or math.prod(shape) > 2**62:
        raise ValueError(f"{name} says that its shape is {shape}")
    if math.prod(shape) * dtype.itemsize != entry.file_size - (8 + width + length):
        raise ValueError(f"{name} says that it is {dtype} of shape {shape}, which its size does not fit")
    return tuple(int(size) for size in shape), bool(fortran), dtype


def refuse_more_than_memory(source: str, size: int) -> None:
    """Refuse arrays of `size` bytes that this machine has no memory for.

    Raises:
        DataError: they take more than `MEMORY_SHARE` of it.
    """
    if not hasattr(os, "sysconf"):
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > MEMORY_SHARE * memory:
        raise DataError(
            f"Expected arrays that fit into the memory of this machine ({memory:,} bytes), got {size:,} in {source}.",
            "Give fewer samples, or images in folders, which are read one by one.",
        )
