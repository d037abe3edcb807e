"""The names of the classes, in the model's order: from a file, or from whichever data have them, the same in all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from edgeswap.data.dataset import Dataset
from edgeswap.errors import DataError

LARGEST_FILE_BYTES = 2**24


def read_names(file: Path, classes: int | None) -> tuple[str, ...]:
    """The names in a file, one a line, as many as the model has classes; any number where that is not known.

    Raises:
        DataError: the file cannot be read, or holds another number of names.
    """
    if not file.is_file():
        raise DataError(f"Expected a file of class names, but {str(file)!r} is not there.", "Write one name a line.")
    try:
        if file.stat().st_size > LARGEST_FILE_BYTES:
            raise OSError(f"{file.stat().st_size:,} bytes")
        names = tuple(line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Expected class names in {str(file)!r}, got: {error}.", "Write them as UTF-8 text.") from error
    if classes is not None and len(names) != classes:
        raise DataError(
            f"Expected {classes} class names in {str(file)!r}, as many as the model has outputs, got {len(names)}.",
            "Write one name a line, in the order of the outputs.",
        )
    return names


def require_known_names(
    found: Iterable[str], known: Sequence[str], what: str, *, names_from: str, source: object
) -> None:
    """Refuse names of classes that are none of `known`.

    Args:
        found: the names in the data.
        known: the names there are, in the model's order.
        what: carries the names, such as `class folders`.
        names_from: where `known` comes from, for the error.
        source: of the data, for the error.

    Raises:
        DataError: one of `found` is not in `known`.
    """
    if unknown := sorted(set(found) - set(known)):
        raise DataError(
            f"Expected {what} named as in {names_from}, got {', '.join(unknown[:5])} in {source}.",
            f"There they are {', '.join(known[:10])}{', ...' if len(known) > 10 else ''}: "
            "give a class the same name in both.",
        )


def require_same_names(datasets: Sequence[Dataset | None]) -> tuple[str, ...] | None:
    """The class names that the datasets agree on; None where none of them has any.

    Raises:
        DataError: two have other names, or the same in another order; both are shown.
    """
    named = [(data.source, data.class_names) for data in datasets if data is not None and data.class_names is not None]
    for source, names in named[1:]:
        if names != named[0][1]:
            raise DataError(
                f"Expected the same classes in {named[0][0]} and {source}, got {_listed(named[0][1])} and "
                f"{_listed(names)}.",
                "Give each class the same name and place in both, or pass --labels FILE with the names in the model's "
                "order.",
            )
    return named[0][1] if named else None


def _listed(names: Sequence[str]) -> str:
    return f"({', '.join(names[:12])}{', ...' if len(names) > 12 else ''})"
