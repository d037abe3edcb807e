"""The output folder: it appears whole or not at all."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeswap.errors import OutputError


@contextmanager
def staged(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """A hidden folder beside `output` to write into; when the block ends well it becomes `output`, else it goes.

    Raises:
        OutputError: before any work, `output` exists and is not to be replaced, is no folder, or cannot be made;
            in the block, the disk is full.
    """
    _check(output, overwrite)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    except OSError as error:
        raise _cannot_write(output, error) from error
    staging.chmod(0o755)  # mkdtemp's is for the owner alone
    try:
        yield staging
        _replace(staging, output)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise _cannot_write(output, error) from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check(output: Path, overwrite: bool) -> None:
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise OutputError(
            f"Expected a folder to write to, but {str(output)!r} is a {'link' if output.is_symlink() else 'file'}.",
            "Name another --output.",
        )
    if not output.exists():
        return
    if not overwrite:
        raise OutputError(
            f"Expected a folder that is not there yet, but {str(output)!r} exists.",
            "Pass --overwrite to replace it, or name another --output.",
        )
    # A folder of something else, such as a home directory, is never meant.
    if any(output.iterdir()) and not (output / "report.json").is_file():
        raise OutputError(
            f"Expected --overwrite to replace an earlier output, but {str(output)!r} holds no report.json.",
            "Name another --output, or remove the folder yourself.",
        )


def _replace(staging: Path, output: Path) -> None:
    if not output.exists():
        staging.rename(output)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{output.name}-old-", dir=output.parent))
    output.rename(old / output.name)
    try:
        staging.rename(output)
    except OSError:
        (old / output.name).rename(output)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _cannot_write(output: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Expected to write {str(output)!r}, but: {error.strerror or error}.",
        "Free some space, or name an --output on another disk. Nothing was left behind.",
    )
