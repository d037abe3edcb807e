"""Images are decoded once, as far as there is room, and are the same whether they were decoded or kept."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from edgeswap.data import decoded
from edgeswap.data.images import ImageFiles

SHAPE = (4, 5, 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (8, *SHAPE), np.uint8)


class Counting:
    """Decodes, and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, positions):
        self.asked += positions.tolist()
        return IMAGES[positions]


def read(images, positions, decode):
    given = images.read(np.array(positions, np.int64), decode)
    np.testing.assert_array_equal(given, IMAGES[positions], strict=True)


def test_what_was_read_is_not_decoded_again():
    images, decode = decoded.DecodedImages(8, SHAPE), Counting()
    read(images, [5, 1, 5], decode)
    read(images, [1, 2, 5, 1], decode)
    read(images, [], decode)
    assert decode.asked == [5, 1, 5, 2]


def test_beyond_its_bound_images_are_decoded_each_time(monkeypatch):
    monkeypatch.setattr(decoded, "MOST_BYTES", 3 * 60 + 59)
    images, decode = decoded.DecodedImages(8, SHAPE), Counting()
    for _ in range(2):
        read(images, range(8), decode)
    assert decode.asked == [*range(8), *range(3, 8)]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), 7])
def test_a_full_disk_ends_the_keeping_and_nothing_else(fault, monkeypatch):
    def full(*_):
        if isinstance(fault, OSError):
            raise fault
        return fault

    images, decode = decoded.DecodedImages(8, SHAPE), Counting()
    read(images, [0, 1], decode)
    monkeypatch.setattr("os.pwrite", full)
    for _ in range(2):
        read(images, [0, 2], decode)
    assert decode.asked == [0, 1, 2, 2]


def test_image_files_are_decoded_once(tmp_path, monkeypatch):
    Image.fromarray(IMAGES[0]).save(tmp_path / "a.png")
    files = ImageFiles(tmp_path, ("a.png",), SHAPE)
    first = files.read(np.array([0]))
    monkeypatch.setattr(ImageFiles, "_open", None)
    np.testing.assert_array_equal(files.read(np.array([0])), first)
