"""Folders that tell whether the run that made them still lives.

A run holds a lock (flock) on each hidden or temporary folder of its own. The system lets the lock go when the process
ends, whatever ends it, so what a killed run left can be told from what a running one needs.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def claimed(make: Callable[[], Path]) -> Iterator[Path]:
    """A folder that `make` has made, whose claim is held while the block runs; to remove it is for the block.

    On a file system that has no locks the folder is not claimed. There nothing is taken for abandoned either.
    """
    while True:
        folder = make()
        try:
            lock = _lock(folder)
        except (BlockingIOError, FileNotFoundError):
            continue  # another run saw it before it was claimed, and takes it away
        except OSError:
            lock = None
        break
    try:
        yield folder
    finally:
        if lock is not None:
            os.close(lock)


def abandoned(parent: Path, pattern: str) -> Iterator[Path]:
    """The folders in `parent` that fit the glob `pattern`, are this user's, and whose run has ended.

    Each is claimed while the loop is at it, so that two runs never clear away the same one.
    """
    for folder in sorted(parent.glob(pattern)):
        with suppress(OSError):  # it is in use, or gone, or no folder, or its file system has no locks
            lock = _lock(folder)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    yield folder
            finally:
                os.close(lock)


def remove(path: Path) -> None:
    """Delete a file, or a folder with all that is in it; what cannot be deleted stays."""
    if not path.is_dir() or path.is_symlink():
        with suppress(OSError):
            path.unlink()
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():  # a folder in it cannot be written to
        for folder, _, _ in os.walk(path):
            with suppress(OSError):
                Path(folder).chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)


def _lock(folder: Path) -> int:
    """A descriptor that holds the lock of `folder`.

    Raises:
        BlockingIOError: another process holds it.
        FileNotFoundError: the folder has gone.
        OSError: it is no folder, or its file system has no locks.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), folder.stat()):
            raise FileNotFoundError(folder)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
