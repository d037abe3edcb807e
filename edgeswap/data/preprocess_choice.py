"""Which preprocessing data are given: the one that is named, or the one that leaves no doubt."""

from __future__ import annotations

import numpy as np

from edgeswap.data.dataset import Dataset
from edgeswap.data.pixel_scale import require_pixel_scale
from edgeswap.data.preprocess import Preprocess, from_name
from edgeswap.errors import DataError


def preprocess_for(data: Dataset, name: str | None, *, takes_raw_pixels: bool, doubt: str | None = None) -> Preprocess:
    """The preprocessing called `name`, or where none is named the one that `data` and the model leave no doubt about.

    Args:
        data: what is to be preprocessed.
        name: see `edgeswap.data.preprocess.from_name`.
        takes_raw_pixels: whether the model begins with a Rescaling or Normalization of its own.
        doubt: why pixels alone do not tell, where the reason is another than that the model has no such layer.

    Raises:
        DataError: the data are pixels, and nothing tells what the model takes; or they are to be pixels and are floats
            of 0..1.
    """
    if name is not None:
        named = from_name(name)
        require_pixel_scale(data, named)
        return named
    first = data.read(np.arange(1))
    arrays = list(first.values()) if isinstance(first, dict) else [first]
    # Floats are taken for what the model takes; whole numbers are pixels until the user says that they are not.
    if all(array.dtype.kind in "fb" for array in arrays):
        return from_name("none")
    if takes_raw_pixels:
        return from_name("raw")
    why = doubt or "the model has no Rescaling of its own that would tell"
    raise DataError(
        f"Expected --preprocess for images, got none: {why}.",
        "Pass the one that the training used: raw (0..255), unit (0..1), symmetric (-1..1), caffe, torch, "
        "mean-std:R,G,B/R,G,B, or module:function; "
        "none for whole numbers that are not pixels.",
    )
