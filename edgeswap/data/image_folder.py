"""Images in a folder or a .zip, one folder a class: found at once, decoded when they are read.

Nothing is unpacked: files of a .zip are read in place, so a name in it can point nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgeswap.data.class_names import require_known_names
from edgeswap.data.dataset import Expected
from edgeswap.data.images import OTHER_IMAGE_SUFFIXES, SUFFIXES, ImageFiles
from edgeswap.data.listing import in_order, list_files
from edgeswap.data.resizing import MODES, Resize
from edgeswap.data.train_test_folders import Part, Split, chosen_split
from edgeswap.errors import DataError


class Found(NamedTuple):
    """Images, and what their folders say.

    Attributes:
        files: in the order of their paths.
        labels: int64 (N,), or None where there are no class folders.
        class_names: in the order of the labels, or None likewise.
        split: which part of the dataset this is, where its topmost folders are parts.
    """

    files: ImageFiles
    labels: npt.NDArray[np.int64] | None
    class_names: tuple[str, ...] | None
    split: Split | None


def image_shape(shape: Sequence[int | None]) -> tuple[int, int, int]:
    """`shape` as that of an image.

    Raises:
        DataError: it is not (height, width, channels) with 1, 3 or 4 channels, all fixed.
    """
    if len(shape) == 3 and shape[0] and shape[1] and shape[2] in MODES:
        return shape[0], shape[1], shape[2]
    raise DataError(
        f"Expected a model input of fixed height and width with 1, 3 or 4 channels for images, got {tuple(shape)}.",
        "Export a model with a fixed image size (channels last), or give arrays (.npz).",
    )


def image_input(expected: Expected, source: str) -> tuple[int, int, int]:
    """Height, width and channels of the one input that takes the images of `source`.

    Raises:
        DataError: the model has several inputs, or one that takes no images.
    """
    if len(expected.input_shapes) != 1:
        raise DataError(
            f"Expected arrays for the model's inputs {', '.join(expected.input_shapes)}, got images in {source}.",
            "Give an .npz with one array per input name.",
        )
    return image_shape(next(iter(expected.input_shapes.values())))


def find(
    root: Path,
    shape: Sequence[int | None],
    class_names: Sequence[str] | None = None,
    *,
    names_from: str = "--labels",
    part: Part = "train",
    resize: Resize = "pillow",
) -> Found:
    """The images below `root`, in the order of their paths.

    A lone folder around everything is looked through, unless `class_names` has it. Where the folders are called train,
    test and the like and hold the class folders, those of `part` are found (`split_folders`). Hidden files are left
    out, and so is whatever has no image's suffix.

    Args:
        root: a folder or a .zip, with one folder a class or with images alone (then they are unlabelled).
        shape: the model's input (height, width, channels).
        class_names: the classes in the model's order; without them, the folders in alphabetical order.
        names_from: where `class_names` come from, for errors.
        part: which, of a dataset that holds several.
        resize: how an image reaches `shape`.

    Raises:
        DataError: nothing there, a broken .zip, no images, images of a kind that is not read, images both in class
            folders and beside them, a class folder that `class_names` lacks, or a shape that is no image's.
    """
    fixed_shape = image_shape(shape)
    folders, paths = list_files(root, SUFFIXES)
    images = in_order(path for path in paths if path.lower().endswith(SUFFIXES))
    if strange := [path for path in paths if path.lower().endswith(OTHER_IMAGE_SUFFIXES)]:
        raise DataError(
            f"Expected images ({', '.join(SUFFIXES)}) in {root}, got {strange[0]} ({len(strange)} such files).",
            "Convert them to PNG, or move them elsewhere.",
        )
    if not images:
        raise DataError(
            f"Expected images ({', '.join(SUFFIXES)}) in {root}, got {len(paths)} other files.",
            "Put the images into one folder per class below it.",
        )
    prefix = ""
    while (top := _only_folder(images, folders, prefix)) is not None and top not in (class_names or ()):
        prefix = f"{prefix}{top}/"
    if loose := [path for path in images if "/" not in path[len(prefix) :]]:
        if len(loose) == len(images):
            return Found(ImageFiles(root, tuple(paths[path] for path in images), fixed_shape, resize), None, None, None)
        raise DataError(
            f"Expected every image in a class folder, got {loose[0]} next to the class folders of {root}.",
            "Move it into its class folder, or keep all images in one folder for unlabelled data.",
        )
    split = chosen_split(root / prefix, [path[len(prefix) :] for path in images], class_names or (), part)
    if split is not None:
        prefix = f"{prefix}{split.folder}/"
        images = [path for path in images if path.startswith(prefix)]
    files = ImageFiles(root, tuple(paths[path] for path in images), fixed_shape, resize)
    found = _tops(folders, prefix)
    if class_names is not None:
        require_known_names(found, class_names, "class folders", names_from=names_from, source=root)
    names = tuple(class_names) if class_names is not None else tuple(sorted(found))
    number = {name: index for index, name in enumerate(names)}
    labels = np.fromiter((number[_top(path, prefix)] for path in images), np.int64, len(images))
    return Found(files, labels, names, split)


def _only_folder(images: Sequence[str], folders: Sequence[str], prefix: str) -> str | None:
    """The one folder below `prefix`, if there are no images beside it."""
    tops = _tops(folders, prefix)
    beside = any(image.startswith(prefix) and "/" not in image[len(prefix) :] for image in images)
    return tops.pop() if len(tops) == 1 and not beside else None


def _tops(folders: Sequence[str], prefix: str) -> set[str]:
    """The names of the folders that lie in the folder `prefix`."""
    return {_top(folder, prefix) for folder in folders if folder.startswith(prefix)}


def _top(path: str, prefix: str) -> str:
    return path[len(prefix) :].partition("/")[0]
