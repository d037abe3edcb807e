"""An .npz as plain arrays: what its headers claim is held against what is there before memory is taken for it."""

from __future__ import annotations

import io
import math
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.listing import refuse_bomb
from edgeswap.errors import DataError

LARGEST_HEADER_BYTES = 10_000  # numpy's own limit for headers that nobody vouches for
MEMORY_SHARE = 0.8
PIECE_BYTES = 2**20


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz by name.

    Raises:
        DataError: it is no zip of .npy files, is broken, holds Python objects or sizes that cannot be, or takes more
            memory than this machine has.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_bomb(path, archive)
            entries = archive.infolist()
            refuse_more_than_memory(str(path), sum(entry.file_size for entry in entries))
            return {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in entries}
    except (
        OSError, EOFError, ValueError, RuntimeError, SyntaxError, TypeError, KeyError, OverflowError,
        NotImplementedError, RecursionError, MemoryError, zipfile.BadZipFile, zlib.error, struct.error,
        tokenize.TokenError,
    ) as error:  # fmt: skip
        raise DataError(
            f"Expected plain arrays in {path}, got: {' '.join(str(error).split()) or type(error).__name__}.",
            "Write numeric arrays with numpy.savez; pickled objects are not read, because they can run code.",
        ) from error


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(entry) as member:
        shape, fortran, dtype, header_bytes = _header(member, entry.filename)
        size = math.prod(shape) * dtype.itemsize
        if size != entry.file_size - header_bytes:
            raise ValueError(f"{entry.filename} says that it is {dtype} of shape {shape}, which its size does not fit")
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


def _header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order and type of an array, and where its values begin; the format is that of numpy.lib.format."""
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
    return tuple(int(size) for size in shape), bool(fortran), dtype, 8 + width + length


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
