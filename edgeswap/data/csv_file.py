"""Rows of a table: paths of images or numbers as features, and labels. `csv:FILE`."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edgeswap.data.arrays import from_arrays
from edgeswap.data.dataset import Array, Dataset, Expected
from edgeswap.data.image_folder import image_input
from edgeswap.data.images import SUFFIXES, ImageFiles, is_there
from edgeswap.data.labels import read_labels
from edgeswap.data.resizing import RESIZE, Resize
from edgeswap.errors import DataError

LARGEST_FILE_BYTES = 2**30
PATH_NAMES = ("path", "file", "filename", "image", "file_name", "filepath", "image_path")
LABEL_NAMES = ("label", "class", "y")
LABEL_PREFIXES = ("y_", "target")
DELIMITERS = ",;\t"
LARGEST_NUMBER = float(np.finfo(np.float32).max)
MOST_TEXTS = 0.5  # with more cells that are no numbers, a column is one of names


class Columns(NamedTuple):
    """What each column is for, by its place.

    Attributes:
        path: of the paths of images; None where the samples are features.
        features: those of the features.
        labels: those of the labels.
    """

    path: int | None
    features: tuple[int, ...]
    labels: tuple[int, ...]


def from_csv(file: Path, source: str, expected: Expected, resize: Resize) -> Dataset:
    """The dataset of a table with a row of column names.

    Samples are images, whose paths (relative to the file) stand in a column named as in `PATH_NAMES` or else in the
    first one with the name of an image file; or the float32 features of all columns that are no labels, in order.
    Labels are the columns named `label`, `class` or `y`, or beginning with `y_` or `target`; else the last column, if
    the features do not need it. One column of names gives class numbers; one of whole numbers int64 (N,), of other
    numbers float64 (N,); several columns of numbers float32 (N, columns).

    Args:
        file: UTF-8, with commas, semicolons or tabs.
        source: what the user named, for reports and errors.
        expected: what the model takes.
        resize: how image files reach the model's size.

    Raises:
        DataError: the file is no such table, a cell is no number where one is needed, an image is missing, or the
            features are not as many as the model takes; with the line where there is one.
    """
    rows = _rows(file, source)
    names = [name.strip() for name in next(rows, (0, []))[1]]
    first = next(rows, None)
    if first is None or len(set(names)) != len(names) or not all(names) or _are_values(names):
        got = "no rows" if first is None else ", ".join(names[:6])
        raise DataError(
            f"Expected a row of different column names and then samples in {source}, got {got}.",
            "Write the names of the columns into the first line.",
        )
    columns = _columns(names, first[1], _wanted(expected))
    paths: list[str] = []
    lines: list[int] = []
    features = array("f")
    cells: list[list[str]] = [[] for _ in columns.labels]
    for line, row in chain([first], rows):
        if len(row) != len(names):
            raise DataError(
                f"Expected {len(names)} cells in line {line} of {source}, got {len(row)}.",
                'Put a cell that holds the delimiter into quotes ("...").',
            )
        lines.append(line)
        if columns.path is not None:
            paths.append(row[columns.path].strip().replace("\\", "/"))
        features.extend(_number(row[at], names[at], line, source) for at in columns.features)
        for column, at in zip(cells, columns.labels, strict=True):
            column.append(row[at].strip())
    labels = _labels(cells, [names[at] for at in columns.labels], lines, source)
    if columns.path is None:
        return from_arrays(_shaped(features, len(lines), expected, source), labels, source, expected)
    shape = image_input(expected, source)
    folder = file.absolute().parent
    _require_files(folder, paths, lines, source)
    found = read_labels(labels, len(lines), source, expected)
    return Dataset(
        source,
        ImageFiles(folder, tuple(paths), shape, resize),
        np.arange(len(lines)),
        found.labels,
        found.class_names,
        labels_by_name=found.by_name,
        resize=RESIZE[resize],
    )


def _rows(file: Path, source: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its last line."""
    line = 0
    try:
        if file.stat().st_size > LARGEST_FILE_BYTES:
            raise OSError(f"{file.stat().st_size:,} bytes, more than {LARGEST_FILE_BYTES:,}")
        with file.open(encoding="utf-8-sig", newline="") as opened:
            head = opened.readline(2**20)
            opened.seek(0)
            reader = csv.reader(opened, delimiter=max(DELIMITERS, key=head.count), strict=True)
            for row in reader:
                line = reader.line_num
                if any(cell.strip() for cell in row):
                    yield line, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"Expected a table in {source}, got, after line {line}: {error}.",
            "Write it as CSV in UTF-8, with the names of the columns in the first line.",
        ) from error


def _are_values(names: Sequence[str]) -> bool:
    """Whether the first line is a sample: pandas numbers columns from 0, but names none by a fraction or an image."""
    images = any(name.lower().endswith(SUFFIXES) for name in names)
    return images or all(map(_is_number, names)) or any(_is_number(name) and not name.isdecimal() for name in names)


def _wanted(expected: Expected) -> int | None:
    """How many features the model takes; None where it takes any number, or has several inputs."""
    sizes = [size for shape in expected.input_shapes.values() for size in shape]
    return None if len(expected.input_shapes) != 1 or None in sizes else math.prod(size for size in sizes if size)


def _columns(names: Sequence[str], first: Sequence[str], wanted: int | None) -> Columns:
    lower = [name.lower() for name in names]
    named = [at for at, name in enumerate(lower) if name in PATH_NAMES and not _is_number(first[at])]
    paths = named or [at for at, cell in enumerate(first) if cell.strip().lower().endswith(SUFFIXES)]
    path = paths[0] if paths else None
    labels = [
        at for at, name in enumerate(lower) if at != path and (name in LABEL_NAMES or name.startswith(LABEL_PREFIXES))
    ]
    others = [at for at in range(len(names)) if at not in (path, *labels)]
    if not labels and others and (path is not None or len(others) != wanted) and len(names) > 1:
        labels = [others.pop()]
    return Columns(path, () if path is not None else tuple(others), tuple(labels))


def _labels(cells: Sequence[Sequence[str]], names: Sequence[str], lines: Sequence[int], source: str) -> Array | None:
    if not cells:
        return None
    if len(cells) > 1:
        table = [[_number(cell, name, line, source) for cell, line in zip(column, lines, strict=True)]
                 for column, name in zip(cells, names, strict=True)]  # fmt: skip
        return np.array(table, np.float32).T
    (column,), (name,) = cells, names
    texts = [not _is_number(cell) for cell in column]
    if sum(texts) > MOST_TEXTS * len(column):
        if "" in column:
            raise DataError(
                f"Expected a label in column {name!r} of {source}, got none in line {lines[column.index('')]}.",
                "Fill the cell, or remove the line.",
            )
        return np.array(column, np.str_)
    numbers = np.array([_number(cell, name, line, source) for cell, line in zip(column, lines, strict=True)])
    is_whole = bool((numbers == np.rint(numbers)).all()) and not any(set(cell) & set(".eE") for cell in column)
    return numbers.astype(np.int64) if is_whole and np.abs(numbers).max() < 2**53 else numbers


def _is_number(cell: str) -> bool:
    try:
        return abs(float(cell)) <= LARGEST_NUMBER  # false for NaN too
    except ValueError:
        return False


def _number(cell: str, name: str, line: int, source: str) -> float:
    if not _is_number(cell):
        raise DataError(
            f"Expected a number in column {name!r} of {source}, got {cell.strip()[:40]!r} in line {line}.",
            "Correct the cell, or remove the line. Numbers have a decimal point.",
        )
    return float(cell)


def _shaped(features: array[float], count: int, expected: Expected, source: str) -> Array:
    """The features in the shape of the model's input: float32 (N, ...)."""
    values = np.frombuffer(features, np.float32).reshape(count, -1)
    if len(expected.input_shapes) != 1:
        raise DataError(
            f"Expected arrays for the model's inputs {', '.join(expected.input_shapes)}, got a table in {source}.",
            "Give an .npz with one array per input name.",
        )
    (shape,) = expected.input_shapes.values()
    wanted = _wanted(expected)
    if wanted is not None and wanted != values.shape[1]:
        raise DataError(
            f"Expected {wanted} columns of features in {source}, as the model takes, got {values.shape[1]} beside the "
            "labels.",
            "Remove the other columns, and name those of the labels label, class, y, y_... or target...",
        )
    return values if wanted is None else values.reshape(count, *(size or 1 for size in shape))


def _require_files(folder: Path, paths: Sequence[str], lines: Sequence[int], source: str) -> None:
    missing = [at for at, path in enumerate(paths) if not is_there(folder, path)]
    if missing:
        more = f", and {len(missing) - 1} more are missing" if len(missing) > 1 else ""
        raise DataError(
            f"Expected image files relative to {folder} in {source}, got {paths[missing[0]]!r} in line "
            f"{lines[missing[0]]}, which is not there{more}.",
            "Correct the path, or put the image there.",
        )
