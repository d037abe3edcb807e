"""Images and masks of class numbers, of the same names in two folders: `masks:FOLDER`, or a .zip of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from edgeswap.data.dataset import Array, Dataset, Expected
from edgeswap.data.image_folder import image_input
from edgeswap.data.images import SUFFIXES, ImageFiles
from edgeswap.data.listing import list_files
from edgeswap.data.npz import refuse_more_than_memory
from edgeswap.data.resizing import RESIZE, SIXTEEN_BIT_MODES, Resize, centre
from edgeswap.errors import DataError

IMAGES, MASKS = "images", "masks"
MASK_SUFFIX = ".png"  # JPEG changes values
MODES = ("1", "L", "P", *SIXTEEN_BIT_MODES)
# Pillow stretches the 2 and 4 bits of a grayscale PNG to 8.
STRETCHED = {"L;2": 85, "L;4": 17}
WHITE = 255


def from_masks(root: Path, source: str, expected: Expected, resize: Resize) -> Dataset:
    """The dataset of the images in `images/`, with the masks in `masks/` as labels: uint8 or uint16 (N, H, W).

    A mask has the name of its image and is a PNG of class numbers, one a pixel: gray (8 or 16 bits), palette (the
    index counts, not the colour) or black and white. Where all masks are black and white only, 255 is class 1. A mask
    is cut as its image is and brought to `expected.mask_size` by the nearest pixel (Pillow).

    Args:
        root: a folder or a .zip with both folders, which may lie in one folder around them.
        source: what the user named, for reports and errors.
        expected: what the model takes.
        resize: how an image reaches the model's size.

    Raises:
        DataError: there are no such folders, an image without mask or a mask without image, a mask of another kind, one
            that lies where its image stands, or more masks than the memory holds.
    """
    shape = image_input(expected, source)
    files = {PurePosixPath(path): name for path, name in list_files(root, SUFFIXES)[1].items()}
    around = _around(files, source)
    images = _by_name(files, (*around, IMAGES), SUFFIXES, source)
    masks = _by_name(files, (*around, MASKS), (MASK_SUFFIX,), source)
    _require_pairs(images, masks, source)
    names = sorted(images)
    image_files = ImageFiles(root, tuple(files[images[name]] for name in names), shape, resize)
    mask_files = ImageFiles(root, tuple(files[masks[name]] for name in names), (1, 1, 1))
    size = expected.mask_size or shape[:2]
    positions = np.arange(len(names))
    _require_upright(image_files, mask_files, positions, source)
    labels = _read(mask_files, size, shape[:2], resize, source)
    return Dataset(source, image_files, positions, labels, expected.class_names, resize=RESIZE[resize])


def _around(files: Iterable[PurePosixPath], source: str) -> tuple[str, ...]:
    """The folder that both lie in, by its parts: none, or a lone one around everything."""
    tops = {path.parts[0] for path in files if len(path.parts) > 1}
    if tops & {IMAGES, MASKS}:
        return ()
    around = sorted({path.parts[0] for path in files if len(path.parts) > 2 and path.parts[1] in (IMAGES, MASKS)})
    if len(around) > 1:
        raise DataError(
            f"Expected one folder of images and masks in {source}, got {', '.join(around[:3])}.",
            f"Pass one for each purpose, such as --data {source}/{around[0]}.",
        )
    return tuple(around)


def _by_name(
    files: Mapping[PurePosixPath, str], place: tuple[str, ...], suffixes: Sequence[str], source: str
) -> dict[str, PurePosixPath]:
    """Path below the folder `place` without its suffix, to the whole path."""
    found: dict[str, PurePosixPath] = {}
    depth, folder = len(place), place[-1]
    for path in sorted(files):
        if path.parts[:depth] != place or path.suffix.lower() not in SUFFIXES:
            continue
        if path.suffix.lower() not in suffixes:
            raise DataError(
                f"Expected masks as PNG in {source}, got {path}.",
                "Write class numbers as PNG, which keeps them exactly.",
            )
        name = str(PurePosixPath(*path.parts[depth:]).with_suffix(""))
        if name in found:
            raise DataError(
                f"Expected one file named {name} in {folder} of {source}, got {found[name]} and {path}.",
                "Remove one of the two.",
            )
        found[name] = path
    if not found:
        raise DataError(
            f"Expected a folder {folder!r} with {'PNG masks' if folder == MASKS else 'images'} in {source}, got none.",
            f"Put the images into {IMAGES} and the masks, with the same names, into {MASKS}.",
        )
    return found


def _require_pairs(images: Mapping[str, PurePosixPath], masks: Mapping[str, PurePosixPath], source: str) -> None:
    for these, others, lacking in ((images, masks, "mask"), (masks, images, "image")):
        if alone := sorted(set(these) - set(others)):
            more = f" and {len(alone) - 1} more" if len(alone) > 1 else ""
            raise DataError(
                f"Expected images and masks of the same names in {source}, got no {lacking} for "
                f"{these[alone[0]]}{more}.",
                f"Add the {lacking}, or remove the file.",
            )


def _require_upright(images: ImageFiles, masks: ImageFiles, positions: Array, source: str) -> None:
    """Refuse a mask that lies where its image stands: the image is turned as its EXIF says, and the mask is not."""
    sizes = zip(images.sizes(positions), masks.sizes(positions), strict=True)
    for at, ((height, width), (mask_height, mask_width)) in enumerate(sizes):
        if (height - width) * (mask_height - mask_width) < 0:
            raise DataError(
                f"Expected {masks.files[at]} in {source} upright as its image of {width} x {height} pixels, got "
                f"{mask_width} x {mask_height}.",
                "Turn the mask, or pass --resize keras if the image is shown turned by its EXIF and the model was "
                "trained on images as they are stored.",
            )
        # A mask of half the size is off by less than a pixel where the image's size is odd.
        if abs(height * mask_width - width * mask_height) > max(height, width, mask_height, mask_width):
            raise DataError(
                f"Expected {masks.files[at]} in {source} of the shape of its image of {width} x {height} pixels, got "
                f"{mask_width} x {mask_height}.",
                "Cut or scale the mask to the size of its image.",
            )


def _read(masks: ImageFiles, size: tuple[int, int], input_size: tuple[int, int], resize: Resize, source: str) -> Array:
    refuse_more_than_memory(source, 4 * len(masks) * size[0] * size[1])

    def read(position: int) -> Array:
        numbers = masks.decode(position, _numbers)
        if numbers is None:
            raise DataError(
                f"Expected masks of class numbers in {source}, got colours in {masks.files[position]}.",
                "Write a gray or palette PNG whose values are the class numbers.",
            )
        image = Image.fromarray(numbers)
        if resize == "crop":
            image = image.crop(centre(image.size, input_size[::-1]))
        return np.asarray(image.resize(size[::-1], Image.Resampling.NEAREST))

    with ThreadPoolExecutor() as pool:
        found = np.stack(list(pool.map(read, range(len(masks)))))
    kinds = np.unique(found)
    if kinds[-1] == WHITE and set(kinds.tolist()) <= {0, WHITE}:
        found = found // WHITE
    return found.astype(np.uint8 if kinds[-1] <= np.iinfo(np.uint8).max else np.uint16)


def _numbers(image: Image.Image) -> Array | None:
    """The class numbers as they are stored, int32 (H, W); None for an image of colours."""
    tiles = getattr(image, "tile", [])  # until it is decoded; the last part says how values are stored
    stored = str(tiles[0][3]) if tiles else ""
    if image.mode not in MODES:
        return None
    numbers = np.asarray(image).astype(np.int32)
    return numbers // STRETCHED.get(stored, 1)
