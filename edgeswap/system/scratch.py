"""Temporary folders that say in plain words when the disk under them is full, and that outlive no run for long."""

from __future__ import annotations

import errno
import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeswap.errors import ConversionError, EdgeswapError, OutputError, TargetError
from edgeswap.system.claim import abandoned, claimed, remove

PREFIX = "edgeswap-scratch-"

# TensorFlow and child processes tell of a full disk in words of their own; so little room left tells it too.
LEAST_ROOM_BYTES = 1 << 20


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder that goes with the block, however that ends.

    What a killed run left goes with a later run's first scratch folder.

    Raises:
        OutputError: no folder can be made, or the block failed and the disk is full.
    """
    with claimed(_make) as folder:
        try:
            _clear_once(folder.parent)
            yield folder
        except Exception as error:
            if _may_be_the_disk(error) and (is_full(error) or shutil.disk_usage(folder).free < LEAST_ROOM_BYTES):
                raise OutputError(
                    f"Expected room for temporary files in {str(folder.parent)!r}, got a full disk.",
                    "Free some space, or set TMPDIR to a folder on another disk.",
                ) from error
            raise
        finally:
            remove(folder)


def _make() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        raise OutputError(
            f"Expected to make a temporary folder, got: {error.strerror or error}.",
            "Set TMPDIR to a folder that can be written to.",
        ) from error


def clear_abandoned(place: Path) -> None:
    """Remove the temporary folders in `place` whose process was killed."""
    for folder in abandoned(place, f"{PREFIX}*"):
        remove(folder)


_clear_once = functools.cache(clear_abandoned)


def is_full(error: BaseException) -> bool:
    """Whether an error is the system's word that a disk or a quota is used up."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _may_be_the_disk(error: Exception) -> bool:
    return not isinstance(error, EdgeswapError) or isinstance(error, (ConversionError, TargetError))
