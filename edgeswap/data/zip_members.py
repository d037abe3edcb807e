"""Files of a .zip that are read by position, with little memory for each: `zipfile` takes a kilobyte an entry."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

# What `zipfile` reads a file by.
_FIELDS = np.dtype(
    [("header_offset", "u8"), ("compress_size", "u8"), ("file_size", "u8"), ("CRC", "u4"), ("compress_type", "u2"),
     ("flag_bits", "u2")]
)  # fmt: skip


class ZipMembers:
    """Some files of a .zip, which is open until `close`.

    Args:
        path: the .zip.
        names: of the files, as the .zip has them.

    Raises:
        OSError, BadZipFile, NotImplementedError: it is none that can be read.
        KeyError: it has no file of such a name.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._names = names
        self._archive = zipfile.ZipFile(path)
        self._entries = np.empty(len(names), _FIELDS)
        for position, name in enumerate(names):
            entry = self._archive.getinfo(name)
            self._entries[position] = tuple(getattr(entry, field) for field in _FIELDS.names or ())
        self._archive.filelist.clear()
        self._archive.NameToInfo.clear()

    def size(self, position: int) -> int:
        """Bytes of the file at `position` once it is unpacked, as the .zip says."""
        return int(self._entries["file_size"][position])

    def read(self, position: int) -> bytes:
        """The file at `position`. Threads may read at once.

        Raises:
            OSError, EOFError, BadZipFile, NotImplementedError, RuntimeError, zlib.error: it is damaged, encrypted or
                compressed in a way that `zipfile` does not know.
        """
        entry = zipfile.ZipInfo(self._names[position])
        for field in _FIELDS.names or ():
            setattr(entry, field, int(self._entries[field][position]))
        return self._archive.read(entry)

    def close(self) -> None:
        """Close the .zip."""
        self._archive.close()
