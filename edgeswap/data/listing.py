"""What lies in a folder or a .zip: names alone, nothing is opened that could hang or hold more than it says."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from edgeswap.errors import DataError

# Images hardly shrink in a .zip, and deflate makes at most 1,032 bytes of one.
BOMB_RATIO = 100
BOMB_BYTES = 2**30
MOST_NAMES = 5_000_000


def list_files(root: Path, suffixes: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The folders below `root`, in order, and the files with the names to open them by; without hidden ones.

    Links are followed, but not back to a folder above. Paths have `/` and are strings: 100,000 objects of pathlib took
    80 MB.

    Args:
        root: a folder or a .zip.
        suffixes: of the files that will be opened, in lower case.

    Raises:
        DataError: a .zip that is broken or would unpack to far more than it is, a folder that cannot be listed or is
            there twice, or what has such a suffix and is no file (a pipe, a device, a link to nothing).
    """
    files: dict[str, str] = {}
    folders: set[str] = set()
    for name in _walk(root, tuple(suffixes)) if root.is_dir() else _members(root):
        path = str(PurePosixPath(name))
        parts = path.split("/")
        if path == "." or not _is_shown(parts):
            continue
        if name.endswith("/"):
            folders.add(path)
        else:
            files[name if path == name else path] = name  # one string for both, where they are equal
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return in_order(folders), files


def in_order(paths: Iterable[str]) -> list[str]:
    """Paths with `/` in the order of their parts: a folder's files are not parted by a neighbour of a longer name."""
    return sorted(paths, key=lambda path: path.replace("/", "\0"))


def refuse_bomb(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a zip whose files would take far more room than it does itself.

    Raises:
        DataError: over 1 GiB in all, and over 100 times the size of the zip.
    """
    total, packed = sum(entry.file_size for entry in archive.infolist()), path.stat().st_size
    if total > BOMB_BYTES and total > BOMB_RATIO * packed:
        raise DataError(
            f"Expected data in {path}, got {packed:,} bytes that say they unpack to {total:,}: a zip bomb.",
            "Do not use this file; make it again from the data.",
        )


def _members(root: Path) -> list[str]:
    try:
        with zipfile.ZipFile(root) as archive:
            refuse_bomb(root, archive)
            names = "\0".join(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(
            f"Expected a folder or a .zip of images, got {root}: {error}.", "Make the .zip again, or copy it again."
        ) from error
    # Strings of their own: those of `archive` lie between its entries, so that none of its memory could be given back.
    return names.split("\0") if names else []


def _walk(root: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Names below `root` as a .zip would have them: with forward slashes, those of folders ending in one."""
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    seen: dict[tuple[int, int], str] = {}
    count = 0
    while waiting:
        folder, above = waiting.pop()
        identity, entries = _entries(root, folder)
        if identity in above:  # a link back to a folder above would be walked for ever
            continue
        if identity in seen:
            raise DataError(
                f"Expected each folder once in {root}, got {seen[identity]} and {folder}, the same folder by a link.",
                "Remove the link.",
            )
        seen[identity] = folder
        count += len(entries)
        if count > MOST_NAMES:
            raise DataError(
                f"Expected at most {MOST_NAMES:,} files in {root}, got more.", "Give the folder of the data itself."
            )
        if folder:
            yield folder
        for entry in entries:
            if entry.is_dir():
                waiting.append((f"{folder}{entry.name}/", above | {identity}))
            elif entry.is_file():
                yield f"{folder}{entry.name}"
            elif entry.name.lower().endswith(suffixes):
                what = "a pipe, a socket or a device" if Path(entry.path).exists() else "a link to nothing"
                raise DataError(
                    f"Expected image files in {root}, got {folder}{entry.name}, which is {what}.", "Take it out."
                )


def _entries(root: Path, folder: str) -> tuple[tuple[int, int], list[os.DirEntry[str]]]:
    """What a folder is known by, and what is in it, without hidden things, in the order of the names."""
    try:
        status = (root / folder).stat()
        with os.scandir(root / folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(
            f"Expected folders that can be read in {root}, got {folder or 'this one'}: {error.strerror}.",
            "Give this user the right to read it, or remove it.",
        ) from error
    return (status.st_dev, status.st_ino), sorted(shown, key=lambda entry: entry.name)


def _is_shown(parts: Sequence[str]) -> bool:
    return not any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in parts)
