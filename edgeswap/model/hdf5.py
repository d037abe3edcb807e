"""An HDF5 file that holds its own numbers: nothing in it points elsewhere, and none of it is larger than it is stored.

Opening a hostile file may crash or hang the HDF5 library, which no check can prevent: `edgeswap.model.rehearsal` does
it in a process of its own first.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import IO, Any

import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# gzip, shuffle, checksum, szip, n-bit, scale-offset, and h5py's LZF; any other is looked for as a plug-in to load.
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}
# gzip makes 1030 bytes at most of one.
_MOST_EXPANSION = 1100
_SMALL_BYTES = 1 << 20
_H5PY_ERRORS = (
    OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, SystemError,
)  # fmt: skip


class Hdf5Error(ValueError):
    """The file is not self-contained or absurd; the message says how."""


def check_hdf5(file: str | IO[bytes]) -> int:
    """Look at every object in the file, without reading an array.

    Args:
        file: a path, or the file's bytes as a stream.

    Returns:
        How many numbers its arrays hold together.

    Raises:
        Hdf5Error: it cannot be read, has links, external or virtual arrays, filters that are no part of HDF5, or arrays
            that are larger than what the file stores of them.
    """
    numbers = 0

    def visit_link(name: str, link: Any) -> str | None:  # what is returned ends the visit; h5py takes no exceptions
        if isinstance(link, h5py.HardLink):
            return None
        return f"{_text(name)} is a link to {_text(getattr(link, 'filename', link.path))}"

    def visit(name: str, found: Any) -> str | None:
        nonlocal numbers
        if not isinstance(found, h5py.Dataset):
            return None
        numbers += found.size or 0
        return _fault(_text(name), found)

    try:
        with h5py.File(file, "r") as stored:
            fault = stored.visititems_links(visit_link) or stored.visititems(visit)
    except _H5PY_ERRORS as error:
        raise Hdf5Error(f"HDF5 cannot read it: {' '.join(str(error).split())[:200]}") from error
    if fault is not None:
        raise Hdf5Error(fault)
    return numbers


def _fault(name: str, dataset: Any) -> str | None:
    if dataset.external:
        return f"{name} keeps its numbers in another file, {dataset.external[0][0]!r}"
    if dataset.is_virtual:
        return f"{name} is put together from other files"
    if dataset.dtype.hasobject:
        return f"{name} holds no numbers"
    settings = dataset.id.get_create_plist()
    used = {settings.get_filter(index)[0] for index in range(settings.get_nfilters())}
    if not used <= _FILTERS:
        return f"{name} needs the filter {min(used - _FILTERS)}"
    size_bytes, stored_bytes = math.prod(dataset.shape or ()) * dataset.dtype.itemsize, dataset.id.get_storage_size()
    most = stored_bytes * _MOST_EXPANSION if used else stored_bytes
    # What is never written is read as zeros: little of it is harmless.
    if size_bytes > max(most, _SMALL_BYTES):
        return f"{name} of shape {dataset.shape} is {size_bytes} bytes, of which {stored_bytes} are stored"
    return None


def _text(value: Any) -> str:
    return repr(value.decode(errors="replace") if isinstance(value, bytes) else str(value))[:100]


def text_attributes(path: Path, *names: str) -> list[str | None]:
    """Attributes of the whole file as text; None for one that is not there.

    Raises:
        Hdf5Error: the file cannot be read, or one is no text.
    """
    try:
        with h5py.File(path, "r") as stored:
            found = [stored.attrs.get(name) for name in names]
    except _H5PY_ERRORS as error:
        raise Hdf5Error(f"HDF5 cannot read it: {' '.join(str(error).split())[:200]}") from error
    try:
        texts = [value.decode() if isinstance(value, bytes) else value for value in found]
    except UnicodeDecodeError as error:
        raise Hdf5Error("an attribute is no UTF-8") from error
    for name, text in zip(names, texts, strict=True):
        if not isinstance(text, (str, type(None))):
            raise Hdf5Error(f"its attribute {name!r} is no text")
    return texts
