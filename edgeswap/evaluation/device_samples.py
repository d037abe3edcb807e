"""The test samples as an .npz for the device script, written piece by piece: images need not fit into memory."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from edgeswap.data.load import Dataset
from edgeswap.data.preprocess import Preprocess

CHUNK = 256


def write_evaluation(dataset: Dataset, preprocess: Preprocess, path: Path) -> str:
    """Write `dataset` to `path` and say which `--preprocess` the device script is to be given.

    uint8 pixels stay pixels where the script knows the mapping by name; all else is written as the float32 that it
    maps to. The arrays are `x`, or named by the model's inputs where it has several. Labels stay here: outputs come
    back, and are scored where the labels are.
    """
    pixels = all(array.dtype == np.uint8 for array in _named(dataset.read([0])).values())
    stays = pixels and not preprocess.is_function and not preprocess.normalizations

    def read(indices: Any) -> dict[str, Any]:
        raw = dataset.read(indices)
        return _named(raw if stays else preprocess(raw))

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, first in read([0]).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                _write_header(member, (len(dataset), *first.shape[1:]), first.dtype)
                for start in range(0, len(dataset), CHUNK):
                    chunk = read(np.arange(start, min(start + CHUNK, len(dataset))))[name]
                    member.write(np.ascontiguousarray(chunk).tobytes())
    return preprocess.name if stays else "none"


def _named(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"x": value}


def _write_header(member: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, header)
