"""Canvases with the built-in digits on them: what segmentation, detection and the like are shown and tested with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

INK = 64  # of 255: where a pixel counts as part of a digit
CLASSES = 10
TRIES = 50  # to find room for one more digit

Array = npt.NDArray[Any]


class Canvases(NamedTuple):
    """N square canvases and what is on them; a digit that is not there has a row of NaN.

    Attributes:
        images: uint8 (N, size, size, 1).
        masks: uint8 (N, size, size); 0 is the background, and 1 to 10 are the digits 0 to 9.
        boxes: float32 (N, most, 5): y0, x0, y1, x1 of the digit's ink as shares of the canvas, and the digit.
    """

    images: Array
    masks: Array
    boxes: Array


def draw(
    digits: Array,
    classes: Array,
    count: int,
    *,
    size: int,
    least: int = 1,
    most: int = 1,
    scales: tuple[int, ...] = (1,),
    seed: int = 0,
) -> Canvases:
    """Canvases of digits that do not overlap, each a different digit; the same seed gives the same canvases.

    Args:
        digits: uint8 (M, 8, 8, 1), from which digits are drawn.
        classes: int64 (M,), which digit each is.
        count: number of canvases, N.
        size: height and width of a canvas in pixels.
        least: number of digits on each canvas at least.
        most: number of digits on each canvas at most. A digit that finds no room is left out.
        scales: whole factors by which digits are enlarged, drawn anew for each digit.
        seed: of all that is drawn.
    """
    random = np.random.default_rng(seed)
    by_class = [np.flatnonzero(classes == digit) for digit in range(CLASSES)]
    images = np.zeros((count, size, size, 1), np.uint8)
    masks = np.zeros((count, size, size), np.uint8)
    boxes = np.full((count, most, 5), np.nan, np.float32)
    known = [digit for digit in range(CLASSES) if len(by_class[digit])]
    for image, mask, rows in zip(images, masks, boxes, strict=True):
        chosen = random.permutation(known)[: random.integers(least, most + 1)]
        taken = np.zeros((size, size), np.bool_)
        for row, digit in zip(rows, chosen, strict=False):
            tile = digits[random.choice(by_class[digit])].repeat(scale := random.choice(scales), 0).repeat(scale, 1)
            place = _room(taken, len(tile), random)
            if place is None:
                continue
            taken[place] = True
            image[place] = tile
            ink = np.zeros_like(taken)
            ink[place] = tile[..., 0] > INK
            mask[ink] = digit + 1
            ys, xs = np.nonzero(ink)
            row[:] = (ys.min() / size, xs.min() / size, (ys.max() + 1) / size, (xs.max() + 1) / size, digit)
    return Canvases(images, masks, boxes)


def _room(taken: Array, side: int, random: np.random.Generator) -> tuple[slice, slice] | None:
    """A free square of this side on the canvas; None where no try finds one."""
    for top, left in random.integers(0, len(taken) - side + 1, (TRIES, 2)):
        place = slice(top, top + side), slice(left, left + side)
        if not taken[place].any():
            return place
    return None


def present(canvases: Canvases) -> Array:
    """Which digits are on each canvas: uint8 (N, 10), 1 where one is."""
    found = np.zeros((len(canvases.images), CLASSES), np.uint8)
    for row, digits in zip(found, canvases.boxes[..., 4], strict=True):
        row[digits[~np.isnan(digits)].astype(int)] = 1
    return found


def key_points(canvases: Canvases) -> Array:
    """Three points of the one digit on each canvas: the first and last corner of its box, and the centre of its ink.

    Returns:
        Float32 (N, 6): y and x of each point as shares of the canvas.
    """
    size = canvases.images.shape[1]
    ink = canvases.images[..., 0] * (canvases.masks > 0)
    weights = ink / ink.sum(axis=(1, 2), keepdims=True)
    middles = (np.arange(size) + 0.5) / size
    centres = np.stack([weights.sum(axis=2) @ middles, weights.sum(axis=1) @ middles], axis=1)
    return np.concatenate([canvases.boxes[:, 0, :4], centres], axis=1).astype(np.float32)
