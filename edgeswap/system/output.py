"""The output: a folder or a file that appears whole or not at all.

It grows in a hidden folder beside it, which the run claims, so that a later run can tell what a killed one left:

    .edgeswap-1a2b3c4d/new/out    what is to become `out`
    .edgeswap-1a2b3c4d/old/out    what stood there before, until the new one does
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeswap.errors import OutputError, add_note
from edgeswap.system.claim import abandoned, claimed, remove
from edgeswap.system.partial import BASELINE, CONTROL, DYNAMIC, QAT_MODEL, RECOVERED, how_to_go_on, is_one_of, keep
from edgeswap.system.scratch import is_full

_HIDDEN = ".edgeswap-"
_NEW, _OLD = "new", "old"

# What an export or an analysis writes, as patterns of names. A folder that holds anything else is never replaced: it
# is not an export's alone.
ANALYSIS = ("analysis.json", "analysis.html", "model_explorer.json")
FILES = (
    BASELINE,
    DYNAMIC,
    "model_int8.tflite",
    "model_int16x8.tflite",
    "model_float16.tflite",
    "model_int8_edgetpu.tflite",
    "model_int8_ethos-*.tflite",
    "report.json",
    "report.html",
    QAT_MODEL,
    "bundle.zip",
    *ANALYSIS,
)
# What an export also keeps when it does not end well.
KEPT = (*FILES, RECOVERED, CONTROL)


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
    if held and not {"report.json", BASELINE, "analysis.json"} & set(held):
        raise OutputError(
            f"Expected --overwrite to replace an earlier output, but {str(output)!r} holds no report.json.",
            "Name another --output, or remove the folder yourself.",
        )
    if foreign := [name for name in held if not is_one_of(name, FILES)]:
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
def staged_folder(output: Path, *, overwrite: bool, keeps: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """A hidden folder to write into; when the block ends well it becomes `output`, else it goes.

    Args:
        output: the folder to be.
        overwrite: replace one that stands there.
        keeps: asked where the block does not end well: whether to keep the files of an export that it had made, beside
            `output`; a note on the exception then says where they are and how to go on.

    Raises:
        OutputError: as `check_folder`; `output` cannot be made; or in the block, the disk is full.
    """
    output = Path(os.path.abspath(output))  # noqa: PTH100  (resolve() would follow links in the user's path)
    check_folder(output, overwrite=overwrite)
    with _told(output), _hidden(output) as hidden:
        staging = hidden / _NEW / output.name
        try:
            with _told(output):
                staging.mkdir()
                yield staging
                check_folder(output, overwrite=overwrite)  # another run may have been faster
                _replace(staging, output, hidden / _OLD / output.name)
        except BaseException as error:
            partial = keep(staging, output, KEPT) if keeps() else None
            if partial is not None:
                add_note(error, how_to_go_on(partial))
            raise


@contextmanager
def staged_file(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """A hidden path to write a file to; when the block ends well it becomes `output`, else it goes.

    Raises:
        OutputError: as `check_file`; `output` cannot be made; or in the block, the disk is full.
    """
    output = Path(os.path.abspath(output))  # noqa: PTH100  (as above)
    check_file(output, overwrite=overwrite)
    with _told(output), _hidden(output) as hidden:
        staging = hidden / _NEW / output.name
        yield staging
        check_file(output, overwrite=overwrite)
        staging.replace(output)


def recover(output: Path) -> list[Path]:
    """Clear away what killed runs left beside `output`; the folders in which models of theirs are kept now.

    A killed run's output folder becomes a partial one, see `staged_folder`; an older output that it was just replacing
    is put back.
    """
    parent = Path(os.path.abspath(output)).parent  # noqa: PTH100  (as above)
    partials = []
    for hidden in abandoned(parent, f"{_HIDDEN}{'[0-9a-f]' * 8}"):
        if not {path.name for path in hidden.iterdir()} <= {_NEW, _OLD}:
            continue  # somebody else's
        for old in (hidden / _OLD).glob("*"):
            if not os.path.lexists(parent / old.name):
                old.rename(parent / old.name)
        kept = [keep(new, parent / new.name, KEPT) for new in (hidden / _NEW).glob("*")]
        partials += [partial for partial in kept if partial is not None]
        remove(hidden)
    return partials


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
def _hidden(output: Path) -> Iterator[Path]:
    """The hidden folder beside `output`. Whatever ends the block, it goes, and so do folders made for it."""
    made = [parent for parent in output.parents if not parent.exists()]

    def make() -> Path:
        hidden = output.parent / f"{_HIDDEN}{secrets.token_hex(4)}"
        hidden.mkdir()
        return hidden

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        recover(output)
        with claimed(make) as hidden:
            try:
                for name in (_NEW, _OLD):
                    (hidden / name).mkdir()
                yield hidden
            finally:
                remove(hidden)
    finally:
        for parent in made:  # the deepest first; one that holds something stays
            with suppress(OSError):
                parent.rmdir()


@contextmanager
def _told(output: Path) -> Iterator[None]:
    """What the system says against writing the output, as an error of it; of other files it is passed on."""
    try:
        yield
    except OSError as error:
        name = None if error.filename is None else Path(os.fsdecode(error.filename))
        if is_full(error):
            remedy = "Free some space, or name an output on another disk."
        elif name is not None and (name in (output, *output.parents) or str(name).startswith(_beside(output))):
            remedy = "Name another output."
        else:
            raise
        raise OutputError(f"Expected to write {str(output)!r}, got: {error.strerror}.", remedy) from error


def _beside(output: Path) -> str:
    """How the paths of what is staged for `output` begin."""
    return str(output.parent / _HIDDEN)


def _replace(staging: Path, output: Path, old: Path) -> None:
    """Put `staging` in the place of `output`, which goes to `old` until the new one stands."""
    if not output.exists():
        staging.rename(output)
        return
    try:
        output.rename(old)
        staging.rename(output)
    finally:
        if not output.exists():
            old.rename(output)
