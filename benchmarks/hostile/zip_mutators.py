"""Damage to a zip's own frame: checksums, sizes, names, methods, overlaps and bombs."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from random import Random

from benchmarks.hostile.bytes_mutators import Mutator

# Fixed, so that the same index gives the same bytes on another day.
DATE = (2026, 1, 1, 0, 0, 0)
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
# Offset and struct code of the fields of a central entry (PKWARE's APPNOTE.TXT, 4.3.12).
CENTRAL_FIELDS = {
    "flags": (8, "<H"),
    "method": (10, "<H"),
    "crc": (16, "<I"),
    "compressed size": (20, "<I"),
    "size": (24, "<I"),
    "name length": (28, "<H"),
    "extra length": (30, "<H"),
    "local header": (42, "<I"),
}
BOMB_BYTES = (1 << 30, 3 << 30, 10 << 30)
BLOCK_BYTES = 1 << 24


def members(content: bytes) -> dict[str, bytes]:
    """Name and content of each file, in order."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}


def packed(files: Mapping[str, bytes] | list[tuple[str, bytes]], *, deflate: bool = False) -> bytes:
    """A zip of these files, the same bytes every time; a list may hold a name twice."""
    method = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")  # "Duplicate name", which is what some of these are about
        for name, held in files.items() if isinstance(files, Mapping) else files:
            # A zip's names are text: bytes that are none become what an old program would have written.
            entry = zipfile.ZipInfo(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), DATE)
            entry.compress_type = method
            archive.writestr(entry, held)
    return stream.getvalue()


def field(content: bytes, rng: Random) -> bytes:
    """Write another value into a field of the central directory, such as a checksum or a size."""
    starts = [at for at in range(len(content)) if content.startswith(CENTRAL, at)]
    if not starts:
        return content
    offset, code = CENTRAL_FIELDS[rng.choice(list(CENTRAL_FIELDS))]
    most = 256 ** struct.calcsize(code) - 1
    value = rng.choice((0, 1, 8, 12, 99, most, most - 1, rng.randrange(most)))
    changed = bytearray(content)
    at = rng.choice(starts) + offset
    if at + struct.calcsize(code) <= len(changed):
        struct.pack_into(code, changed, at, min(value, most))
    return bytes(changed)


def duplicate(content: bytes, rng: Random) -> bytes:
    """Hold one name twice, with other bytes the second time."""
    files = list(members(content).items())
    name, held = rng.choice(files)
    other = (name, rng.choice((b"", held[: len(held) // 2], held, b"{}")))
    return packed(rng.choice(([*files, other], [other, *files])))


def names(content: bytes, rng: Random) -> bytes:
    """Give files names that lead elsewhere or are no names."""
    bad = (
        "../../out.txt",
        "/etc/hostname",
        "a\\b",
        "..",
        "",
        "x" * 5000,
        "\n",
        "con",
        "\x1b[31m",
        "é/ü",
        "./config.json",
    )
    files = list(members(content).items())
    at = rng.randrange(len(files))
    name = rng.choice(bad)
    stem = rng.choice((name, f"{name}/{files[at][0]}"))
    files[at] = (stem, files[at][1])
    return packed(files)


def missing(content: bytes, rng: Random) -> bytes:
    """Leave out a file."""
    files = members(content)
    files.pop(rng.choice(list(files)))
    return packed(files)


def empty_member(content: bytes, rng: Random) -> bytes:
    """Let a file be empty, or a folder of that name."""
    files = members(content)
    name = rng.choice(list(files))
    if rng.random() < 0.5:
        return packed({**files, name: b""})
    del files[name]
    return packed({**files, f"{name}/": b""})


def many(content: bytes, rng: Random) -> bytes:
    """Hold a great many files that nobody asked for."""
    extra = {f"{rng.choice(('a', 'b/c'))}{number}": b"" for number in range(rng.choice((1000, 20_000)))}
    return packed({**members(content), **extra})


def overlap(content: bytes, rng: Random) -> bytes:
    """Let two entries of the directory point at the same bytes."""
    starts = [at for at in range(len(content)) if content.startswith(CENTRAL, at)]
    if len(starts) < 2:
        return content
    one, two = rng.sample(starts, 2)
    changed = bytearray(content)
    changed[one + 42 : one + 46] = content[two + 42 : two + 46]
    return bytes(changed)


def around(content: bytes, rng: Random) -> bytes:
    """Put bytes before or behind the zip, or a comment into it."""
    noise = rng.randbytes(rng.choice((1, 100, 70_000)))
    return rng.choice((noise + content, content + noise, content[:-2] + struct.pack("<H", 65_535) + noise))


def bomb(content: bytes, rng: Random) -> bytes:
    """Let a file of some kilobytes unpack to gigabytes of zeros."""
    files = members(content)
    name = rng.choice([*files, "extra.bin"])
    return packed_bomb({**files, name: b""}, name, rng.choice(BOMB_BYTES))


ZIP: dict[str, Mutator] = {
    mutator.__name__: mutator
    for mutator in (field, duplicate, names, missing, empty_member, many, overlap, around, bomb)
}


def packed_bomb(files: Mapping[str, bytes], name: str, size: int, *, head: bytes = b"") -> bytes:
    """A zip of `files` of which `name` unpacks to `head` and then zeros, `size` bytes in all, by its directory too."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = compressor.compress(head) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(BLOCK_BYTES)) + compressor.flush(zlib.Z_FULL_FLUSH)
    count = (size - len(head)) // BLOCK_BYTES
    squeezed = first + block * count + compressor.flush(zlib.Z_FINISH)
    size = len(head) + count * BLOCK_BYTES
    content = packed({**{key: held for key, held in files.items() if key != name}, name: squeezed})
    # Marked as deflated; the checksum stays that of the squeezed bytes, which is found out only at their end.
    changed = bytearray(content)
    for mark, method, sizes in ((LOCAL, 8, 18), (CENTRAL, 10, 20)):
        at = content.rindex(mark)
        struct.pack_into("<H", changed, at + method, zipfile.ZIP_DEFLATED)
        struct.pack_into("<II", changed, at + sizes, len(squeezed), min(size, 2**32 - 1))
    return bytes(changed)
