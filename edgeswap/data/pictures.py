"""Some samples as small pictures, for a reader of the report."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeswap.data.dataset import Dataset

LONGEST_SIDE = 160  # pixels: a thumbnail's
LARGE_PNG = 12_000  # bytes; a photograph is smaller as a JPEG, a drawing or a digit as a PNG


def pictures(dataset: Dataset, indices: Sequence[int]) -> dict[int, bytes]:
    """The samples at `indices` as PNG or JPEG files, by index; of several inputs the first that is an image.

    Empty where no input is an image (N, H, W, channels) of 1, 3 or 4 channels and of more than one row and column.
    Floats are shown from 0 to 1 or from 0 to 255 where they lie within, else from their lowest to their highest value.
    """
    if not indices:
        return {}
    raw = dataset.read(indices)
    images = [array for array in (raw.values() if isinstance(raw, dict) else [raw]) if is_image(array)]
    if not images:
        return {}
    return {index: _encoded(pixels) for index, pixels in zip(indices, _as_pixels(images[0]), strict=True)}


def is_image(array: npt.NDArray[Any]) -> bool:
    """Whether samples (N, ...) can be shown as images."""
    return array.ndim == 4 and array.shape[3] in (1, 3, 4) and min(array.shape[1:3]) > 1


def _as_pixels(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    values = np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    pixels: npt.NDArray[np.uint8] = np.rint(255 * (values - low) / ((high - low) or 1.0)).astype(np.uint8)
    return pixels


def _encoded(pixels: npt.NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    if len(written.getvalue()) > LARGE_PNG:
        written = io.BytesIO()
        image.convert("RGB").save(written, "JPEG", quality=85)
    return written.getvalue()
