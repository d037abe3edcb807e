"""bundle.zip as bytes by name, and back. Nothing is ever extracted: a name in a zip leads nowhere.

A bundle is stored, not compressed: its bytes do not depend on a compressor's version, int8 weights hardly shrink, and a
reader can refuse whatever is compressed, so that no file is larger than the zip it lies in.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeswap.errors import VerificationError

MOST_BYTES = 2 << 30
MOST_FILES = 1000
_DATE = (1980, 1, 1, 0, 0, 0)
# APPNOTE.TXT of PKWARE, sections 4.3.7 and 4.3.16: how the first entry begins, and the end of a zip without a comment.
_FIRST, _END, _END_BYTES = b"PK\x03\x04", b"PK\x05\x06", 22
_ENCRYPTED = 0x1 | 0x40
_REGULAR = stat.S_IFREG | 0o644
_UNIX = 3
_NAMES = re.compile(
    r"model\.tflite|labels\.txt|model\.json|SHA256SUMS|README\.md|MODEL_CARD\.md"
    r"|golden/\d{1,3}\.(input|quantized|output)\d{1,3}\.(u8|f32|i32|i8)"
    r"|(android|ios|python|cpp|micro)(/[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}){1,8}"
)


@dataclass(frozen=True)
class Archive:
    """What a zip holds.

    Attributes:
        files: name to content.
        damaged: names of files whose content is not that of the zip's own checksum; they are not in `files`.
    """

    files: Mapping[str, bytes]
    damaged: tuple[str, ...]


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip of `files`, the same bytes every time: in order of their names, without compression or a time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system, entry.external_attr = _UNIX, _REGULAR << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()


def unpack(bundle: Path) -> Archive:
    """The files of a bundle, in memory.

    Raises:
        VerificationError: it is no zip that can be read, or one that no bundle is: with a name that a bundle does not
            have (absolute, with `..`, in other case, a folder), a name twice, a link, anything encrypted or compressed,
            too many files or too many bytes, or bytes before or behind it.
    """
    try:
        if bundle.stat().st_size > MOST_BYTES:
            raise _refused(bundle, f"{bundle.stat().st_size} bytes, more than {MOST_BYTES}")
        data = bundle.read_bytes()
    except OSError as error:
        raise VerificationError(
            f"Expected a bundle.zip, got {str(bundle)!r}: {error.strerror}.", "Check the path."
        ) from error
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check(bundle, entries, len(data))
            _check_ends(bundle, archive, data)
            return _read(archive, entries)
    # What zipfile raises on damaged or unsupported archives.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise _refused(bundle, f"a zip that cannot be read: {error}") from error


def _check_ends(bundle: Path, archive: zipfile.ZipFile, data: bytes) -> None:
    """A file that is something else too, such as a script before the zip, is no bundle."""
    first = min((entry.header_offset for entry in archive.infolist()), default=0)
    if first or not data.startswith(_FIRST) or data[-_END_BYTES:][:4] != _END or archive.comment:
        raise _refused(bundle, "bytes before the zip or behind it")


def _check(bundle: Path, entries: list[zipfile.ZipInfo], size_bytes: int) -> None:
    if len(entries) > MOST_FILES:
        raise _refused(bundle, f"{len(entries)} files, more than {MOST_FILES}")
    if sum(entry.file_size for entry in entries) > size_bytes:
        raise _refused(bundle, "files that are together larger than the zip, or that overlap")
    seen = set()
    for entry in entries:
        name = entry.orig_filename
        if problem := _problem(entry):
            raise _refused(bundle, f"{name!r}, {problem}")
        if name in seen:
            raise _refused(bundle, f"{name!r} twice")
        seen.add(name)


def _problem(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "which is a link or no file"
    if not _NAMES.fullmatch(entry.orig_filename) or ".." in entry.orig_filename:
        return "a name that a bundle does not have"
    if entry.flag_bits & _ENCRYPTED:
        return "which is encrypted"
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        return "which is compressed"
    return ""


def _read(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Archive:
    files, damaged = {}, []
    for entry in entries:
        try:
            files[entry.filename] = archive.read(entry)
        except zipfile.BadZipFile as error:
            if "CRC" not in str(error):
                raise
            damaged.append(entry.filename)
    return Archive(files, tuple(damaged))


def _refused(bundle: Path, got: str) -> VerificationError:
    return VerificationError(
        f"Expected a bundle as edgeswap writes it (a zip without compression, with known file names), got "
        f"{bundle.name!r} with {got}.",
        "Do not unpack it; get the bundle.zip again from the person who exported the model.",
    )
