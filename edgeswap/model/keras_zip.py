"""A `.keras` file: a zip of the config, what wrote it, and the weights as an HDF5 file."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.model.hdf5 import SIGNATURE, check_hdf5
from edgeswap.model.strict_json import MOST_BYTES, parse

WEIGHTS = "model.weights.h5"
# Keras stores without compressing; a file that was zipped again shrinks a little, zeros by a factor of a thousand.
_MOST_EXPANSION = 200
_SMALL_BYTES = 64 << 20


class ZipError(ValueError):
    """The zip is no `.keras` file, or one that is damaged or absurd; the message says how."""


@dataclass(frozen=True)
class KerasZip:
    """What a `.keras` file holds.

    Attributes:
        version: of the Keras that wrote it.
        config: the model's.
        numbers: how many its weights are together; None where they were not looked at.
    """

    version: str
    config: dict[str, Any]
    numbers: int | None


def read_keras_zip(path: Path, *, weights: bool) -> KerasZip:
    """The config of the `.keras` file at `path`.

    Args:
        path: a file that begins as a zip does.
        weights: also read every byte of the file, so that one which is damaged or points elsewhere is refused.

    Raises:
        ZipError: as it says; also two entries of one name, of which readers take either.
        JsonError: its JSON is none, or ambiguous.
        Hdf5Error: see `check_hdf5`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(path, archive)
            metadata = parse(archive.read("metadata.json"))
            config = parse(archive.read("config.json"))
            numbers = check_hdf5(io.BytesIO(archive.read(WEIGHTS))) if weights else None
            damaged = archive.testzip() if weights else None
    except (KeyError, OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise ZipError(" ".join(str(error).split())[:200].rstrip(".")) from error
    if damaged is not None:
        raise ZipError(f"its entry {damaged[:100]!r} is damaged")
    return KerasZip(str(metadata.get("keras_version")), config, numbers)


def _check_entries(path: Path, archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    for name in ("metadata.json", "config.json", WEIGHTS):
        if names.count(name) != 1:
            raise ZipError(f"it holds {names.count(name) or 'no'} {name}")
    if len(set(names)) != len(names):
        raise ZipError("two of its entries have one name")
    with path.open("rb") as stream:
        offset, end = 512, path.stat().st_size
        own = {
            entry.header_offset + 30 + len(entry.filename.encode()) for entry in entries
        }  # where entries' data begin
        while offset < end:
            stream.seek(offset)
            if stream.read(len(SIGNATURE)) == SIGNATURE and not any(0 <= offset - start < 64 for start in own):
                raise ZipError("it is an HDF5 file too")
            offset *= 2
    for entry in entries:
        least = MOST_BYTES if entry.filename.endswith(".json") else entry.file_size
        if entry.file_size > min(least, max(_SMALL_BYTES, _MOST_EXPANSION * entry.compress_size)):
            raise ZipError(f"its entry {entry.filename[:100]!r} is {entry.file_size} bytes long when it is unpacked")
