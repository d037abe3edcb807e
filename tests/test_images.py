"""Image files of every kind that people have, as a camera stores them, and broken ones."""

from __future__ import annotations

import gc
import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeswap.data.images import ImageFiles
from edgeswap.errors import DataError
from tests.image_data import encoded, picture, write_folder, write_zip

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
EVERY = np.arange(1)


def opened(root: Path, *names: str, shape: tuple[int, int, int] = (6, 8, 3), **settings: Any) -> ImageFiles:
    return ImageFiles(root, names, shape, **settings)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.webp", "WEBP"), ("a.jfif", "JPEG"), ("a.JPE", "JPEG"), ("a.tif", "TIFF"), ("a.bmp", "BMP"), ("a.png", "PNG")],
)
def test_kinds_of_files(name: str, kind: str, tmp_path: Path) -> None:
    files = opened(write_folder(tmp_path, {name: encoded(PIXELS, kind)}), name)
    off = np.abs(files.read(EVERY)[0].astype(int) - PIXELS)
    assert off.max() <= (3 if kind == "JPEG" else 0)  # what rounding in YCbCr costs


def test_a_gif_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((6, 8), level, np.uint8)) for level in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(opened(tmp_path, "a.gif", shape=(6, 8, 1)).read(EVERY)[0], 10)


# How each orientation stores a picture, by the EXIF standard: what undoes it is what a viewer does.
STORED = {1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 6: lambda x: np.rot90(x, 1),
          8: lambda x: np.rot90(x, -1)}  # fmt: skip


@pytest.mark.parametrize("orientation", STORED)
def test_photographs_are_turned_upright(orientation: int, tmp_path: Path) -> None:
    stored = np.ascontiguousarray(STORED[orientation](PIXELS))
    root = write_folder(tmp_path, {"a.png": encoded(stored, "PNG", orientation)})
    np.testing.assert_array_equal(opened(root, "a.png").read(EVERY)[0], PIXELS)
    assert opened(root, "a.png").sideways(EVERY) == (orientation != 1)
    if stored.shape == PIXELS.shape:  # Keras's loader shows it as it is stored
        np.testing.assert_array_equal(opened(root, "a.png", resize="keras").read(EVERY)[0], stored)


@pytest.mark.parametrize("tag", [0, 9, 65535])
def test_an_orientation_that_is_none_is_left_aside(tag: int, tmp_path: Path) -> None:
    root = write_folder(tmp_path, {"a.png": encoded(PIXELS, "PNG", tag)})
    np.testing.assert_array_equal(opened(root, "a.png").read(EVERY)[0], PIXELS)
    assert opened(root, "a.png").sideways(EVERY) == 0


def test_sixteen_bits_are_scaled_as_tensorflow_does(tmp_path: Path) -> None:
    from edgeswap.frameworks import tf

    deep = np.array([[0, 255, 256, 40000], [1000, 12345, 65280, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    read = opened(tmp_path, "a.png", shape=(2, 4, 1)).read(EVERY)[0]
    np.testing.assert_array_equal(read[..., 0], deep >> 8)
    np.testing.assert_array_equal(read, tf.io.decode_image((tmp_path / "a.png").read_bytes(), channels=1))


def test_a_zip_is_closed_with_its_images(tmp_path: Path) -> None:
    files = opened(write_zip(tmp_path / "a.zip", {"a.png": picture(0, (8, 6))}), "a.png")
    files.read(EVERY)
    archive = files._members._archive
    assert archive is not None
    del files
    gc.collect()
    assert archive.fp is None


def test_reading_changes_no_warning_filter(tmp_path: Path) -> None:
    root = write_folder(tmp_path, {f"{at}.png": picture(at, (8, 6)) for at in range(20)})
    before = list(warnings.filters)
    opened(root, *(f"{at}.png" for at in range(20))).read(np.arange(20))
    assert list(warnings.filters) == before


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, content: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        png(2**31 - 1, 2**31 - 1),
        png(100_000, 100_000),
        png(9500, 9500, bytes(1000)),  # as many as Pillow only warns of
        png(0, 0),
        b"",
        b"not an image",
        encoded(PIXELS)[:60],
        encoded(PIXELS, "JPEG")[:200],
        encoded(PIXELS, "WEBP")[:30],
        encoded(PIXELS, "BMP")[:40],
        encoded(PIXELS, "TIFF")[:100],
    ],
)
def test_what_is_no_image_is_named_in_two_sentences(content: bytes, tmp_path: Path) -> None:
    files = opened(write_folder(tmp_path, {"bad.png": content}), "bad.png")
    for read in (files.read, files.sideways):
        with pytest.raises(DataError, match=r"bad\.png") as raised:
            read(EVERY)
        assert "_io" not in raised.value.problem
        assert "\n" not in raised.value.problem


@pytest.mark.slow
def test_flipped_and_cut_images_are_errors_or_pixels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        whole = encoded(PIXELS, kind, None if kind in ("BMP", "GIF") else 6)
        for _ in range(60):
            content = bytearray(whole)
            for at in random.integers(0, len(whole), random.integers(1, 6)):
                content[at] = random.integers(0, 256)
            (tmp_path / "a.png").write_bytes(
                content[: random.integers(1, len(whole))] if random.random() < 0.2 else content
            )
            try:
                assert opened(tmp_path, "a.png").read(EVERY).shape == (1, 6, 8, 3)
            except DataError:
                continue


def test_a_file_that_became_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match="a pipe or a device"):
        opened(tmp_path, "a.png").read(EVERY)


def test_a_file_of_many_bytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(20 * 2**30)  # sparse: it takes no room
    with pytest.raises(DataError, match="at most 268,435,456 bytes"):
        opened(tmp_path, "a.png").read(EVERY)
