"""Images and folders of them, for tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

CHANNELS = {"RGB": 3, "L": 1, "RGBA": 4}


def picture(seed: int, size: tuple[int, int] = (8, 8), mode: str = "RGB", kind: str = "PNG") -> bytes:
    """An encoded image of random pixels; `size` is (width, height)."""
    shape = (size[1], size[0], CHANNELS[mode])
    return encoded(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), kind)


def encoded(pixels: np.ndarray, kind: str = "PNG", orientation: int | None = None) -> bytes:
    """An image file of these pixels, (H, W) or (H, W, C), as they are stored, and an EXIF orientation."""
    stream = io.BytesIO()
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    # A JPEG of high quality without subsampled colours keeps pixels to a few levels.
    how = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(pixels.squeeze()).save(stream, kind, **how, **({} if orientation is None else {"exif": exif}))
    return stream.getvalue()


def write_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files, by their path below it."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """A .zip with these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path
