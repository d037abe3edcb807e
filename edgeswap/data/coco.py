"""Images with boxes, from a JSON file as the COCO dataset has it: `coco:FILE.json`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.class_names import require_known_names
from edgeswap.data.dataset import Dataset, Expected
from edgeswap.data.image_folder import image_input
from edgeswap.data.images import ImageFiles, is_there
from edgeswap.data.npz import refuse_more_than_memory
from edgeswap.data.resizing import RESIZE, Resize, centre
from edgeswap.errors import DataError
from edgeswap.model.strict_json import MOST_BYTES, JsonError, parse

Box = tuple[float, float, float, float, float]  # y0, x0, y1, x1 as shares of the image, class number
NUMBERS = 5
TOLERANCE = 1.0  # pixels by which rounding puts a box outside
FORMAT = "Write it in the format of the COCO dataset for object detection."


def from_coco(path: Path, source: str, expected: Expected, resize: Resize) -> Dataset:
    """The dataset of the images that the JSON lists, with its boxes as labels: float32 (N, most, 5).

    A box is y0, x0, y1, x1 as shares 0..1 of the image's height and width, then its class number; rows beyond the
    boxes of an image are NaN. Class numbers follow the ascending category ids, or `expected.class_names` where these
    are known. Boxes of a crowd (`iscrowd`) are left out. With `crop` boxes are those of the part that the model sees.

    Args:
        path: the JSON; images lie beside it, in `images/`, or as COCO has them (`annotations/instances_train.json` and
            `train/`). `file_name` may have folders.
        source: what the user named, for reports and errors.
        expected: what the model takes.
        resize: how an image reaches the model's size.

    Raises:
        DataError: the file is no such JSON, an image is missing or of another size than it says, a box lies outside of
            its image, or a category is none of the class names.
    """
    shape = image_input(expected, source)
    content = _content(path, source)
    images = _table(content, "images", source)
    if not images:
        raise DataError(f"Expected images in {source}, got none.", FORMAT)
    names, numbers = _categories(_table(content, "categories", source), expected, source)
    sizes = {key: _size(image, source) for key, image in images.items()}
    files = _files(path, [image.get("file_name") for image in images.values()], source)
    image_files = ImageFiles(files[0], files[1], shape, resize)
    positions = np.arange(len(image_files))
    _require_sizes(image_files, list(sizes.values()), positions, source)
    boxes: dict[Any, list[Box]] = {key: [] for key in images}
    for key, annotation in _table(content, "annotations", source).items():
        if annotation.get("iscrowd", 0):
            continue
        at = f"annotation {key} of {source}"
        image, category = annotation.get("image_id"), annotation.get("category_id")
        if not _is_id(image) or image not in images or not _is_id(category) or category not in numbers:
            raise DataError(
                f"Expected an image and a category that are listed in {at}, got image {image!r} and category "
                f"{category!r}.",
                "List both in the file, or remove the annotation.",
            )
        box = _box(annotation.get("bbox"), sizes[image], at)
        seen = _seen(box, sizes[image], shape[:2]) if resize == "crop" else box
        if seen is not None:
            boxes[image].append((*seen, float(numbers[category])))
    labels = _labels(list(boxes.values()), source)
    return Dataset(source, image_files, positions, labels, names, resize=RESIZE[resize])


def _content(path: Path, source: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise JsonError(f"{path.stat().st_size:,} bytes")
        return parse(path.read_bytes())
    except (OSError, JsonError) as error:
        raise DataError(f"Expected a JSON file for {source}, got: {error}.", FORMAT) from error


def _table(content: Mapping[str, Any], name: str, source: str) -> dict[Any, dict[str, Any]]:
    """The list `name` of the file, by id."""
    rows = content.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_id(row.get("id")) for row in rows):
        got = "none" if rows is None else "something else" if not isinstance(rows, list) else "a row without id"
        raise DataError(f"Expected a list {name!r} of objects with an id in {source}, got {got}.", FORMAT)
    found = {row["id"]: row for row in rows}
    if len(found) != len(rows):
        twice = Counter(row["id"] for row in rows).most_common(1)[0][0]
        raise DataError(f"Expected each id once in {name!r} of {source}, got {twice} twice.", "Number them anew.")
    return found


def _is_id(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _categories(
    categories: Mapping[Any, Mapping[str, Any]], expected: Expected, source: str
) -> tuple[tuple[str, ...], dict[Any, int]]:
    """The class names in order, and the class number of each category id."""
    ids = sorted(categories, key=lambda key: (isinstance(key, str), key))
    names = [categories[key].get("name") for key in ids]
    if not ids or not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise DataError(
            f"Expected categories with a name each in {source}, got {', '.join(map(repr, names[:5])) or 'none'}.",
            FORMAT,
        )
    order = tuple(map(str, names)) if expected.class_names is None else expected.class_names
    require_known_names(map(str, names), order, "categories", names_from=expected.names_from, source=source)
    number = {name: index for index, name in enumerate(order)}
    return order, {key: number[str(name)] for key, name in zip(ids, names, strict=True)}


def _size(image: Mapping[str, Any], source: str) -> tuple[int, int]:
    height, width = image.get("height"), image.get("width")
    if not all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in (height, width)):
        raise DataError(
            f"Expected height and width of image {image['id']} in {source}, got {height!r} and {width!r}.",
            "Write the size of each image in pixels.",
        )
    return int(height), int(width)  # type: ignore[arg-type]


def _files(path: Path, names: Sequence[Any], source: str) -> tuple[Path, tuple[str, ...]]:
    """The folder of the images, and their names below it."""
    if wrong := [name for name in names if not isinstance(name, str) or not name]:
        raise DataError(
            f"Expected a file_name for each image in {source}, got {wrong[0]!r}.", "Write the name of each image file."
        )
    folder = path.absolute().parent
    split = path.stem.rpartition("_")[2]
    places = [folder, folder / "images", folder.parent / split, folder.parent / "images", folder.parent]
    missing = {place: [name for name in names if not is_there(place, name)] for place in places}
    place = min(places, key=lambda place: len(missing[place]))
    if gone := missing[place]:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        raise DataError(
            f"Expected the images of {source} beside it or in {folder / 'images'}, got no {gone[0]}{more}.",
            "Put the images there, or correct their file_name.",
        )
    return place, tuple(str(PurePosixPath(name)) for name in names)


def _require_sizes(
    files: ImageFiles, said: Sequence[tuple[int, int]], positions: npt.NDArray[np.int64], source: str
) -> None:
    for at, (size, got) in enumerate(zip(said, files.sizes(positions), strict=True)):
        if size != got:
            raise DataError(
                f"Expected {files.files[at]} of {size[1]} x {size[0]} pixels, as {source} says, got {got[1]} x "
                f"{got[0]}.",
                "Give the images that the boxes were drawn on. If they are stored turned (EXIF) and the boxes were "
                "drawn on them as they are stored, pass --resize keras.",
            )


def _box(given: Any, size: tuple[int, int], at: str) -> tuple[float, float, float, float]:
    """y0, x0, y1, x1 as shares, from x, y, width and height in pixels."""
    height, width = size
    is_box = (
        isinstance(given, list)
        and len(given) == 4
        and all(
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and abs(value) < 1e9
            and math.isfinite(value)
            for value in given
        )
    )
    x, y, across, down = map(float, given) if is_box else (0.0, 0.0, 0.0, 0.0)
    if not is_box or across <= 0 or down <= 0:
        raise DataError(
            f"Expected bbox as [x, y, width, height] in pixels, with width and height above 0, in {at}, got {given!r}.",
            "Correct or remove the annotation.",
        )
    if min(x, y) < -TOLERANCE or x + across > width + TOLERANCE or y + down > height + TOLERANCE:
        raise DataError(
            f"Expected a box within its image of {width} x {height} pixels in {at}, got {given!r}.",
            "Give x, y, width and height in pixels of the image as it is listed.",
        )
    ends = (y / height, x / width, (y + down) / height, (x + across) / width)
    y0, x0, y1, x1 = (min(max(end, 0.0), 1.0) for end in ends)
    return y0, x0, y1, x1


def _seen(
    box: tuple[float, float, float, float], size: tuple[int, int], wanted: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """The box in shares of the centred part that the model sees; None where it lies outside of that."""
    height, width = size
    left, top, right, bottom = centre((width, height), wanted[::-1])
    y0, y1 = ((end * height - top) / (bottom - top) for end in box[::2])
    x0, x1 = ((end * width - left) / (right - left) for end in box[1::2])
    y0, x0, y1, x1 = (min(max(end, 0.0), 1.0) for end in (y0, x0, y1, x1))
    return (y0, x0, y1, x1) if y1 > y0 and x1 > x0 else None


def _labels(boxes: Sequence[Sequence[Box]], source: str) -> npt.NDArray[np.float32]:
    most = max([1, *map(len, boxes)])
    refuse_more_than_memory(source, len(boxes) * most * NUMBERS * 4)
    labels = np.full((len(boxes), most, NUMBERS), np.nan, np.float32)
    for row, found in zip(labels, boxes, strict=True):
        row[: len(found)] = np.array(found, np.float32).reshape(-1, NUMBERS)
    return labels
