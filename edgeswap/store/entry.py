"""One entry of the store: a folder that appears whole, with the SHA-256 of each of its files in its manifest.

<root>/<64 hexadecimal digits>/manifest.json   schema, key, stage, seconds, and of each file its size and SHA-256
<root>/<64 hexadecimal digits>/...             the files
<root>/.new-xxxxxxxx/                          what grows; claimed, so that what a killed run left can be told
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from edgeswap.system.claim import abandoned, claimed, remove

SCHEMA = "edgeswap.store/1"
MANIFEST = "manifest.json"
NEW, OLD = ".new-", ".old-"
_PIECE_BYTES = 2**20

T = TypeVar("T")


class Found(NamedTuple):
    """What an entry holds, and how many seconds it took to make."""

    value: Any
    seconds: float


def write_entry(root: Path, key: str, stage: str, write: Callable[[Path], None], *, seconds: float) -> bool:
    """Write an entry; where another run was faster, its entry stays.

    Args:
        root: of the store, which is there.
        key: 64 hexadecimal digits.
        stage: what it is the result of, for people.
        write: writes the files into a folder that is there.
        seconds: how long it took to make.

    Returns:
        Whether this entry is the one that stands.

    Raises:
        OSError: the disk is full, or `root` cannot be written to.
    """
    with claimed(lambda: Path(tempfile.mkdtemp(prefix=NEW, dir=root))) as folder:
        try:
            write(folder)
            files = {
                path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)} for path in folder.iterdir()
            }
            manifest = {"schema": SCHEMA, "key": key, "stage": stage, "seconds": seconds, "files": files}
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True))
            for path in (*folder.iterdir(), folder):
                _sync(path)
            try:
                folder.rename(root / key)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                return False
            _sync(root)
            return True
        finally:
            remove(folder)  # which has another name where all went well


def read_entry(root: Path, key: str, read: Callable[[Path], T]) -> Found | None:
    """What `read` makes of the folder of an entry; None where there is no such entry, or its files are not as written.

    A damaged entry is dropped, so that it is made again. One that is read counts as used now.

    Raises:
        OSError: the entry is there and cannot be read.
    """
    folder = root / key
    try:
        manifest = manifest_of(folder)
        if manifest is None:
            drop(root, key)
            return None
        found = Found(read(folder), manifest["seconds"])
    except FileNotFoundError:
        return None  # there is none, or another run pruned it just now
    with suppress(OSError):  # a store that may only be read
        os.utime(folder)
    return found


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """The manifest of an entry; None where it, or a file of the entry, is damaged.

    Raises:
        FileNotFoundError: there is no such entry.
    """
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        as_written = (
            manifest["schema"] == SCHEMA
            and manifest["key"] == folder.name
            and float(manifest["seconds"]) >= 0
            and {path.name for path in folder.iterdir()} == {MANIFEST, *manifest["files"]}
            and all(file_sha256(folder / name) == about["sha256"] for name, about in manifest["files"].items())
        )
    except (ValueError, KeyError, TypeError, AttributeError, IsADirectoryError):
        return None
    except FileNotFoundError:
        if folder.is_dir():
            return None
        raise
    return manifest if as_written else None


def drop(root: Path, key: str) -> None:
    """Take an entry away, at once for every other run; what cannot be deleted stays."""
    with suppress(OSError), claimed(lambda: Path(tempfile.mkdtemp(prefix=OLD, dir=root))) as folder:
        with suppress(OSError):  # another run has done so
            (root / key).rename(folder / key)
        remove(folder)


def clear_abandoned(root: Path) -> None:
    """Remove what killed runs were writing or deleting."""
    for pattern in (f"{NEW}*", f"{OLD}*"):
        for folder in abandoned(root, pattern):
            remove(folder)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    """Have the disk hold it, so that a power cut after the rename leaves no empty files under a good name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
