"""Folders that are parts of a dataset (train, test), not classes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgeswap.errors import DataError

Part = Literal["train", "test"]
_ROLES = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation", "eval": "validation",
}  # fmt: skip


@dataclass(frozen=True)
class Split:
    """A folder that is a part of a dataset, and its sisters."""

    folder: str
    others: tuple[str, ...]


def chosen_split(place: Path, images: Sequence[str], class_names: Collection[str], part: Part) -> Split | None:
    """The folder that holds the wanted part of a dataset whose topmost folders are parts; None where they are classes.

    Args:
        place: the folder, in a .zip or not, that the parts lie in; for errors.
        images: their paths below it, with `/`.
        class_names: the classes, where they are known: such a folder is a class, whatever it is called.
        part: `test` is taken from validation where there is no test.

    Raises:
        DataError: folders named as parts of which it is not clear what they hold.
    """
    tops = {image.partition("/")[0] for image in images}
    splits = {top for top in tops if top.lower() in _ROLES and top not in class_names}
    if len(splits) < 2:  # one alone may be a class: a train among cars
        return None
    wanted = _first(splits, "train") if part == "train" else test_folder(Split("", tuple(splits)))
    others = [top for top in splits if top != wanted]
    is_clear = wanted is not None and splits == tops and all(image.count("/") > 1 for image in images)
    if wanted is not None and is_clear and all(_role(other) != _role(wanted) for other in others):
        return Split(wanted, tuple(sorted(others)))
    got = ", ".join(sorted(tops)[:6])
    raise DataError(
        f"Expected class folders in {place}, or train and test with the same class folders in each, got {got}.",
        f"If they are parts of the data, pass --data {place / min(splits, key=_by_use)} and --test-data "
        f"{place / max(splits, key=_by_use)} (unpack a .zip first); if they are classes, pass their names in the "
        "model's order with --labels FILE.",
    )


def test_folder(split: Split) -> str | None:
    """Which of the other folders the figures are of: test, or validation where there is no test; None without both."""
    return _first(split.others, "test") or _first(split.others, "validation")


def _first(folders: Collection[str], role: str) -> str | None:
    return min((folder for folder in folders if _role(folder) == role), default=None)


def _role(folder: str) -> str:
    return _ROLES[folder.lower()]


def _by_use(folder: str) -> tuple[int, str]:
    return ("train", "validation", "test").index(_role(folder)), folder
