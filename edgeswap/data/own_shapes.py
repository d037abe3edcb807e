"""The shapes of samples that tell them themselves, without a model that takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgeswap.data.load import require_arrays
from edgeswap.data.npz import read_npz
from edgeswap.data.spec_path import DIGITS, kind_and_path
from edgeswap.errors import DataError

DIGITS_SHAPE = (8, 8, 1)
_WHY = {
    "masks": "images get the size that the model takes",
    "coco": "images get the size that the model takes",
    "csv": "the model tells which columns are its inputs",
}


def own_shapes(data: Any) -> Mapping[str, tuple[int, ...]]:
    """Name of each input to the shape of its samples, without the batch.

    Args:
        data: arrays as `edgeswap.data.load.load` takes them, an .npz or the digits.

    Raises:
        DataError: only a model tells the shape, and why.
    """
    if not isinstance(data, (str, Path)):
        return _of_value(data)
    if str(data) in DIGITS:
        return {"x": DIGITS_SHAPE}
    kind, path = kind_and_path(data)
    if path.suffix.lower() == ".npz" and path.is_file():
        arrays = read_npz(path, stays=lambda _: True)
        return {name: array.shape[1:] for name, array in arrays.items() if name != "y" and not name.startswith("y_")}
    if kind is not None:
        raise _needs_model(str(data), _WHY[kind])
    by_images = path.is_dir() or path.suffix.lower() == ".zip"
    raise _needs_model(str(data), _WHY["masks"] if by_images else "only the model tells what its inputs are")


def _of_value(data: Any) -> Mapping[str, tuple[int, ...]]:
    """Of arrays with or without labels."""
    if hasattr(data, "element_spec"):
        raise _needs_model("a tf.data.Dataset", "only the model tells what its inputs are")
    require_arrays(data)
    x = data[0] if isinstance(data, tuple) and len(data) == 2 else data
    arrays = x if isinstance(x, Mapping) else {"x": x}
    return {name: np.shape(array)[1:] for name, array in arrays.items()}


def _needs_model(what: str, why: str) -> DataError:
    return DataError(
        f"Expected --model for {what!r}, got none: {why}. An .npz, arrays and the digits need none.",
        "Pass --model MODEL and, for images, --preprocess NAME.",
    )
