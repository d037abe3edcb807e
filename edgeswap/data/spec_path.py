"""Where a data SPEC leads, and whether anything is there: nothing is read or imported for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

from edgeswap.errors import DataError

Kind = Literal["masks", "coco", "csv"]
DIGITS = ("digits", "digits/test")
BARE = {".csv": "csv:", ".json": "coco:"}
REMEDIES: dict[Kind | None, str] = {
    None: "Give a folder or .zip of images, an .npz, masks:FOLDER, coco:FILE.json, csv:FILE, tfds:NAME/split, "
    "module:function or digits.",
    "masks": "Give the folder (or a .zip of it) that holds images/ and masks/.",
    "coco": "Give the JSON file with the boxes.",
    "csv": "Give the file of the table.",
}


def kind_and_path(spec: str | Path) -> tuple[Kind | None, Path]:
    """The word before the colon, where it says how the file or folder after it is read, and that file or folder."""
    word, _, place = str(spec).partition(":")
    for kind in get_args(Kind):
        if word == kind:
            return kind, Path(place)
    return None, Path(spec)


def moved(spec: str, folder: Path) -> str:
    """The spec as it is written in another folder; one that is no path stays, and so does an absolute path."""
    kind, path = kind_and_path(spec)
    if path.is_absolute() or (kind is None and not path.exists()):
        return spec
    there = os.path.relpath(path, folder)
    return there if kind is None else f"{kind}:{there}"


def require_there(spec: str | Path) -> None:
    """Refuse a spec that leads to nothing, without reading or importing what it leads to.

    Raises:
        DataError: it is a path to nothing, to an empty file, or to a file of a kind that is not read.
    """
    kind, path = kind_and_path(spec)
    exists = path.exists()
    if not exists and kind is None and (str(spec) in DIGITS or ":" in str(spec)):
        return
    if kind is None:
        readable = path.is_dir() or (exists and path.suffix.lower() in (".npz", ".zip"))
    elif kind == "masks":
        readable = path.is_dir() or (exists and path.suffix.lower() == ".zip")
    else:
        readable = path.is_file()
    if readable and (path.is_dir() or path.stat().st_size):
        return
    problem = "is empty" if readable else "is no file of a kind that is read" if exists else "does not exist"
    remedy = REMEDIES[kind]
    if exists and kind is None and path.suffix.lower() in BARE:
        remedy = f"Write it as {BARE[path.suffix.lower()]}{spec}."
    raise DataError(f"Expected data, got {str(spec)!r}, which {problem}.", remedy)
