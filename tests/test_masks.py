"""Images and masks of the same names, on real files; and every way they can be wrong."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeswap.data import npz
from edgeswap.data.load import load, stratified_split
from edgeswap.errors import DataError
from tests.image_data import encoded, picture, write_folder, write_zip

RGB = {"image": (8, 8, 3)}
NUMBERS = np.arange(64, dtype=np.uint8).reshape(8, 8) % 3


def mask(numbers: np.ndarray, mode: str = "L") -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(numbers)
    if mode == "P":
        image.putpalette([7, 7, 7, 200, 0, 0, 0, 0, 200])
    (image.convert("1") if mode == "1" else image).save(stream, "PNG")
    return stream.getvalue()


def gray_png(rows: list[bytes], width: int, bits: int) -> bytes:
    """A grayscale PNG of so many bits a pixel, which Pillow reads and does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, len(rows), bits, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def pairs(masks: dict[str, bytes], suffix: str = "png") -> dict[str, bytes]:
    images = {f"images/{name}.{suffix}": picture(seed) for seed, name in enumerate(masks)}
    return images | {f"masks/{name}.png": data for name, data in masks.items()}


TWO = pairs({"b": mask(NUMBERS), "a": mask(2 - NUMBERS, "P")})


@pytest.mark.parametrize("kind", ["folder", "zip", "wrapped zip", "deep"])
def test_images_and_masks_of_the_same_names(kind: str, tmp_path: Path) -> None:
    if kind == "folder":
        root = write_folder(tmp_path / "set", {**TWO, "masks/.hidden.png": b"", "readme.txt": b"hello"})
    elif kind == "deep":
        root = write_folder(tmp_path / "set", {name.replace("/", "/one/"): data for name, data in TWO.items()})
    else:
        wrapped = {f"set/{name}" if kind == "wrapped zip" else name: data for name, data in TWO.items()}
        root = write_zip(tmp_path / "set.zip", wrapped)
    data = load(f"masks:{root}", input_shapes=RGB)
    assert (len(data), data.source, data.classes, data.class_names) == (2, f"masks:{root}", None, None)
    np.testing.assert_array_equal(data.read([1])[0], np.asarray(Image.open(io.BytesIO(TWO["images/b.png"]))))
    assert isinstance(data.labels, np.ndarray)
    assert data.labels.dtype == np.uint8
    np.testing.assert_array_equal(data.labels, [2 - NUMBERS, NUMBERS])


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (mask(NUMBERS.astype(np.uint16) * 1000), NUMBERS.astype(np.uint16) * 1000),
        (mask((NUMBERS > 0) * np.uint8(255), "1"), NUMBERS > 0),
        (mask((NUMBERS > 0) * np.uint8(255)), NUMBERS > 0),
        (mask(np.where(NUMBERS == 2, 255, NUMBERS).astype(np.uint8)), np.where(NUMBERS == 2, 255, NUMBERS)),
        (gray_png([bytes([0b00011011, 0b11000000])] * 8, 8, 2), [[0, 1, 2, 3, 3, 0, 0, 0]] * 8),
        (gray_png([bytes([0x1B, 0x0F, 0x77, 0x25])] * 8, 8, 4), [[1, 11, 0, 15, 7, 7, 2, 5]] * 8),
    ],
    ids=["16 bits", "1 bit", "black and white", "with a void class", "2 bits", "4 bits"],
)
def test_class_numbers_are_those_that_are_stored(stored: bytes, expected: Any, tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set", pairs({"a": stored}))
    labels = load(f"masks:{root}", input_shapes=RGB).labels
    assert isinstance(labels, np.ndarray)
    np.testing.assert_array_equal(labels[0], expected)


def test_masks_come_to_the_output_s_size_by_the_nearest_pixel(tmp_path: Path) -> None:
    large = np.kron(NUMBERS, np.ones((4, 4), np.uint8))
    root = write_folder(tmp_path / "set", pairs({"a": mask(large)}, "jpg"))
    for size, expected in ((None, NUMBERS), ((4, 2), NUMBERS[1::2, 2::4])):
        labels = load(f"masks:{root}", input_shapes=RGB, mask_size=size).labels
        assert isinstance(labels, np.ndarray)
        np.testing.assert_array_equal(labels[0], expected)


def test_a_mask_is_cut_as_its_image_is(tmp_path: Path) -> None:
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 4:12] = 200
    root = write_folder(
        tmp_path / "set", {"images/a.png": encoded(wide), "masks/a.png": mask((wide[..., 0] > 0).astype(np.uint8))}
    )
    cut, whole = (load(f"masks:{root}", input_shapes=RGB, resize=how) for how in ("crop", "pillow"))
    assert isinstance(cut.labels, np.ndarray)
    assert isinstance(whole.labels, np.ndarray)
    assert (cut.labels == 1).all()
    assert (cut.read([0]) == 200).all()
    assert whole.labels[0, 0].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_a_mask_stands_as_its_image_does(tmp_path: Path) -> None:
    photo = encoded(np.zeros((4, 8, 3), np.uint8), "JPEG", orientation=6)
    for name, shape in (("turned", (8, 4)), ("stored", (4, 8))):
        numbers = np.zeros(shape, np.uint8)
        write_folder(tmp_path / name, {"images/a.jpg": photo, "masks/a.png": mask(numbers)})
    load(f"masks:{tmp_path / 'turned'}", input_shapes=RGB)
    load(f"masks:{tmp_path / 'stored'}", input_shapes=RGB, resize="keras")
    with pytest.raises(DataError, match=r"masks/a\.png .* upright as its image of 4 x 8 pixels, got 8 x 4") as caught:
        load(f"masks:{tmp_path / 'stored'}", input_shapes=RGB)
    assert "--resize keras" in caught.value.remedy


def test_a_mask_has_the_shape_of_its_image(tmp_path: Path) -> None:
    photo = encoded(np.zeros((17, 33, 3), np.uint8))
    for name, shape in (("half", (8, 16)), ("square", (16, 16))):
        write_folder(tmp_path / name, {"images/a.png": photo, "masks/a.png": mask(np.zeros(shape, np.uint8))})
    load(f"masks:{tmp_path / 'half'}", input_shapes=RGB)
    with pytest.raises(DataError, match=r"masks/a\.png .* shape of its image of 33 x 17 pixels, got 16 x 16"):
        load(f"masks:{tmp_path / 'square'}", input_shapes=RGB)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"readme.txt": b"x"}, "folder 'images'"),
        ({"images/a.png": picture(0)}, "folder 'masks'"),
        ({**TWO, "images/c.jpg": picture(0, kind="JPEG")}, r"no mask for images/c\.jpg\."),
        ({**TWO, "images/c.png": b"", "images/d.png": b""}, r"no mask for images/c\.png and 1 more"),
        ({**TWO, "masks/x/c.png": mask(NUMBERS)}, r"no image for masks/x/c\.png"),
        ({**TWO, "images/a.jpg": b"x"}, r"one file named a in images"),
        ({**TWO, "masks/c.jpg": b"x"}, r"masks as PNG .* masks/c\.jpg"),
        (pairs({"a": picture(0)}), r"colours in masks/a\.png"),
        (pairs({"a": b"no image"}), r"masks/a\.png"),
        (pairs({"a": mask(NUMBERS)[:60]}), r"masks/a\.png"),
        ({f"{part}/{name}": data for part in ("train", "test") for name, data in TWO.items()}, "got test, train"),
    ],
)
def test_folders_that_are_no_masks(files: dict[str, bytes], problem: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "set", files)
    write_zip(tmp_path / "set.zip", files)
    for root in (tmp_path / "set", tmp_path / "set.zip"):
        with pytest.raises(DataError, match=problem) as caught:
            load(f"masks:{root}", input_shapes=RGB)
        assert caught.value.remedy


def test_what_is_no_folder_of_masks(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 no zip")
    (tmp_path / "a.txt").write_bytes(b"hello")
    wrong = {"gone": "does not exist", "a.txt": "kind that is read", "a.zip": r"a\.zip"}
    for name, problem in wrong.items():
        with pytest.raises(DataError, match=problem):
            load(f"masks:{tmp_path / name}", input_shapes=RGB)
    root = write_folder(tmp_path / "set", TWO)
    with pytest.raises(DataError, match="got images in masks"):
        load(f"masks:{root}", input_shapes={"a": (8, 8, 3), "b": (2,)})


def test_masks_stay_with_their_images_when_they_are_split(tmp_path: Path) -> None:
    shades = range(0, 250, 10)
    files = {f"images/{shade}.png": encoded(np.full((8, 8, 3), shade, np.uint8)) for shade in shades}
    files |= {f"masks/{shade}.png": mask(np.full((8, 8), shade, np.uint8)) for shade in shades}
    for part in stratified_split(load(f"masks:{write_folder(tmp_path / 'set', files)}", input_shapes=RGB), 0.2, seed=0):
        np.testing.assert_array_equal(part.read(range(len(part)))[..., 0], part.labels)


def test_more_masks_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MEMORY_SHARE", 1e-9)
    root = write_folder(tmp_path / "set", TWO)
    with pytest.raises(DataError, match="memory"):
        load(f"masks:{root}", input_shapes=RGB)
