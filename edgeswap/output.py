"""The output: a folder or a file that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeswap.errors import OutputError
from edgeswap.scratch import is_full
from edgeswap.targets.names import NPUS

# What an export writes. A folder that holds anything else is never replaced: it is not an export's alone.
FILES = (
    "model_float32.tflite",
    "model_int8.tflite",
    "model_int16x8.tflite",
    "model_float16.tflite",
    "model_int8_edgetpu.tflite",
    *(f"model_int8_{npu}.tflite" for npu in NPUS),
    "report.json",
    "report.html",
    "model_qat.zip",
    "bundle.zip",
)


def check_folder(output: Path, *, overwrite: bool) -> None:
    """Refuse, before any work, an output folder that could not be written in the end.

    Raises:
        OutputError: `output` is a file or a link, or exists and is not to be replaced.
    """
    _check_path(output)
    if output.is_symlink() or (os.path.lexists(output) and not output.is_dir()):
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
    held = sorted(path.name for path in output.iterdir())
    if held and not {"report.json", "model_float32.tflite"} & set(held):  # models alone: no target gave figures
        raise OutputError(
            f"Expected --overwrite to replace an earlier output, but {str(output)!r} holds no report.json.",
            "Name another --output, or remove the folder yourself.",
        )
    if foreign := [name for name in held if name not in FILES]:
        raise OutputError(
            f"Expected --overwrite to replace an export's files alone, but {str(output)!r} also holds {foreign[0]!r}.",
            "Move it elsewhere, or name another --output.",
        )


def check_file(output: Path, *, overwrite: bool) -> None:
    """Refuse, before any work, an output file that could not be written in the end.

    Raises:
        OutputError: `output` is a folder, or exists and is not to be replaced.
    """
    _check_path(output)
    if output.is_dir():
        raise OutputError(f"Expected a file to write to, but {str(output)!r} is a folder.", "Name a file in it.")
    if os.path.lexists(output) and not overwrite:
        raise OutputError(
            f"Expected a file that is not there yet, but {str(output)!r} exists.",
            "Pass --overwrite to replace it, or name another file.",
        )


@contextmanager
def staged_folder(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """A hidden folder beside `output` to write into; when the block ends well it becomes `output`, else it goes.

    Raises:
        OutputError: as `check_folder`; `output` cannot be made; or in the block, the disk is full.
    """
    output = Path(os.path.abspath(output))  # noqa: PTH100  (resolve() would follow links in the user's path)
    check_folder(output, overwrite=overwrite)
    with _staging(output, "") as staging:
        staging.mkdir()
        yield staging
        check_folder(output, overwrite=overwrite)  # another run may have been faster
        _replace(staging, output)


@contextmanager
def staged_file(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """A hidden path beside `output` to write a file to; when the block ends well it becomes `output`, else it goes.

    Raises:
        OutputError: as `check_file`; `output` cannot be made; or in the block, the disk is full.
    """
    output = Path(os.path.abspath(output))  # noqa: PTH100  (as above)
    check_file(output, overwrite=overwrite)
    with _staging(output, output.suffix) as staging:
        yield staging
        check_file(output, overwrite=overwrite)
        staging.replace(output)


def _check_path(output: Path) -> None:
    try:
        output.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:  # such as a name that is too long
        raise OutputError(
            f"Expected to write {str(output)!r}, got: {error.strerror}.", "Name another output."
        ) from error
    nearest = next(parent for parent in (*output.absolute().parents, Path("/")) if os.path.lexists(parent))
    if not nearest.is_dir():
        raise OutputError(
            f"Expected folders only above {str(output)!r}, but {str(nearest)!r} is a file.", "Name another output."
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(
            f"Expected to write to {str(output)!r}, but {str(nearest)!r} cannot be written to.", "Name another output."
        )


@contextmanager
def _staging(output: Path, suffix: str) -> Iterator[Path]:
    """A free hidden path beside `output`. Whatever ends the block, nothing is left there, nor folders made for it."""
    made = [parent for parent in output.parents if not parent.exists()]
    staging = output.parent / f".edgeswap-{secrets.token_hex(4)}{suffix}"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        yield staging
    except OSError as error:
        named = set() if error.filename is None else {Path(os.fsdecode(error.filename))}
        if is_full(error):
            remedy = "Free some space, or name an output on another disk. Nothing was left behind."
        elif named & {staging, output, *made}:
            remedy = "Name another output. Nothing was left behind."
        else:
            raise
        raise OutputError(f"Expected to write {str(output)!r}, got: {error.strerror}.", remedy) from error
    finally:
        _remove(staging)
        for parent in made:  # the deepest first; one that holds something stays
            with suppress(OSError):
                parent.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _replace(staging: Path, output: Path) -> None:
    """Put `staging` in the place of `output`; the old one goes only when the new one stands."""
    if not output.exists():
        staging.rename(output)
        return
    old = staging.with_name(staging.name + "-old")
    try:
        output.rename(old)
        staging.rename(output)
    finally:
        if output.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(output)
