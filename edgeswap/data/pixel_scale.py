"""Floats of 0..1 where a mapping expects pixels of 0..255: mapped twice they would be nearly black, and all alike."""

from __future__ import annotations

import numpy as np

from edgeswap.data.dataset import Array, ArraySamples, Dataset
from edgeswap.data.preprocess import Preprocess, pixel_inputs
from edgeswap.errors import DataError

CHUNK = 256


def require_pixel_scale(data: Dataset, preprocess: Preprocess) -> None:
    """Refuse samples that are scaled to 0..1 already, for a mapping from pixels of 0..255.

    Only floats are judged: whole numbers of 0 and 1 are black and white, or nearly black. What is one value throughout
    tells nothing.

    Args:
        data: raw samples; read up to the first that is above 1.
        preprocess: the mapping that they are given to.

    Raises:
        DataError: floats of a mapped input of which none is above 1 and none below 0.
    """
    if preprocess.name == "none" or preprocess.is_function or not isinstance(data.samples, ArraySamples):
        return  # image files are pixels
    first = data.read(np.arange(1))
    if not isinstance(first, dict):
        _require(data, preprocess, None)
        return
    for name in sorted(pixel_inputs(first)):
        _require(data, preprocess, name)


def _require(data: Dataset, preprocess: Preprocess, name: str | None) -> None:
    """As above, for one input; `name` is None where the model has no other."""

    def values(start: int) -> Array:
        read = data.read(np.arange(start, min(start + CHUNK, len(data))))
        return np.asarray(read if name is None else read[name])

    low, high = np.inf, -np.inf
    for start in range(0, len(data), CHUNK):
        chunk = values(start)
        if chunk.dtype.kind != "f":
            return
        low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
        if low < 0 or high > 1:
            return
    if low < high:
        where = "" if name is None else f" for input {name!r}"
        raise DataError(
            f"Expected pixels 0..255 for preprocess {preprocess.name!r}{where}, got floats of {low:.3g} to {high:.3g} "
            f"from {data.source}, which are scaled already.",
            _remedy(preprocess.name, alone=name is None),
        )


def _remedy(preprocess: str, *, alone: bool) -> str:
    if not alone:
        return (
            "Give the pixels as uint8, so that they alone are mapped, or map them yourself and pass --preprocess none."
        )
    if preprocess == "unit":
        return "Pass --preprocess none to give the model these values as they are, or multiply them by 255."
    return "Multiply them by 255, or pass --preprocess none if the model was trained on these values as they are."
