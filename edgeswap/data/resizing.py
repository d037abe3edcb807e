"""How an image reaches the model's height and width: the three ways of `--resize`, which an app must follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Resize = Literal["pillow", "keras", "crop"]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
SIXTEEN_BIT_MODES = ("I;16", "I;16B", "I;16L", "I;16N")
# What each is called in reports and bundles: in words, as an app has to do the same.
RESIZE: Mapping[Resize, str] = {
    "pillow": "bilinear with antialiasing (Pillow), stretched to the model's height and width",
    "keras": "bilinear without antialiasing, stretched to the model's height and width "
    "(keras.utils.image_dataset_from_directory)",
    "crop": "the largest centred part of the model's proportions, then bilinear with antialiasing (Pillow)",
}


def fit(image: Image.Image, shape: tuple[int, int, int], resize: Resize = "pillow") -> Pixels:
    """An image as uint8 (height, width, channels) of `shape`.

    Of 16 bits a channel the upper 8 are taken, as `tf.io.decode_image` and Pillow do for colours.

    Args:
        image: of 8 bits a channel, or grayscale of 16.
        shape: height, width and channels (1 grayscale, 3 RGB, 4 RGBA).
        resize: what is done where it has another size; see `RESIZE`.
    """
    height, width, channels = shape
    if image.mode in SIXTEEN_BIT_MODES:
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # straight to RGB, Pillow warns
    image = image.convert(MODES[channels])
    if image.size != (width, height):
        if resize == "keras":
            pixels = np.asarray(image, np.uint8).reshape(image.height, image.width, channels)
            return np.rint(bilinear(pixels, height, width)).astype(np.uint8)
        if resize == "crop":
            image = image.crop(centre(image.size, (width, height)))
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8).reshape(shape)


def centre(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest centred box of `size` (width, height) with the proportions of `wanted`: left, top, right, bottom.

    For a square it has the length of the shorter side. Whole pixels: sides are rounded, the corner is rounded down.
    """
    width, height = size
    box_width = max(1, min(width, round(height * wanted[0] / wanted[1])))
    box_height = max(1, min(height, round(width * wanted[1] / wanted[0])))
    left, top = (width - box_width) // 2, (height - box_height) // 2
    return left, top, left + box_width, top + box_height


def bilinear(pixels: Pixels, height: int, width: int) -> npt.NDArray[np.float32]:
    """What `tf.image.resize(pixels, (height, width))` gives: float32 (height, width, channels), not rounded.

    Bilinear with half-pixel centres and no antialiasing (TensorFlow's ResizeBilinear, half_pixel_centers=True):
    reduced much, it looks at a few pixels and skips the others. `fit` rounds to whole pixels, as an app holds them.

    Args:
        pixels: (H, W, channels).
        height: wanted.
        width: wanted.
    """
    top, bottom, down = _neighbours(pixels.shape[0], height)
    left, right, across = _neighbours(pixels.shape[1], width)
    down, across = down[:, None, None], across[None, :, None]
    real = pixels.astype(np.float32)
    upper = real[top][:, left] + (real[top][:, right] - real[top][:, left]) * across
    lower = real[bottom][:, left] + (real[bottom][:, right] - real[bottom][:, left]) * across
    return np.asarray(upper + (lower - upper) * down, np.float32)


def _neighbours(size: int, wanted: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Of each wanted pixel the two between which it falls, and how far it is from the first."""
    place = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * np.float32(size / wanted) - np.float32(0.5)
    below = np.floor(place)
    first = np.maximum(below, 0).astype(np.int64)
    return first, np.minimum(np.ceil(place), size - 1).astype(np.int64), (place - below).astype(np.float32)
