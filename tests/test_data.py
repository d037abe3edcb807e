"""Every way data come in, on real files; and every way they can be wrong."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeswap.data import images
from edgeswap.data.load import load, stratified_split
from edgeswap.data.resizing import RESIZE, fit
from edgeswap.errors import ConfigError, DataError
from edgeswap.system import shipped
from tests.image_data import picture, write_folder, write_zip

DIGITS = {"image": (8, 8, 1)}
RGB = {"image": (8, 8, 3)}


PETS = {"cat/b.png": picture(1), "cat/a.png": picture(0), "dog/c.png": picture(2), "bird/d.bmp": picture(3, kind="BMP")}


# The built-in sample


def test_the_digits_are_what_the_manifest_says() -> None:
    file = shipped.path("calibration/digits.npz")
    manifest = json.loads(shipped.path("calibration/manifest.json").read_text())
    assert hashlib.sha256(file.read_bytes()).hexdigest() == manifest["sha256"]
    with np.load(file) as arrays:
        assert set(arrays.files) == set(manifest["arrays"])
        for name, said in manifest["arrays"].items():
            array = arrays[name]
            assert (str(array.dtype), list(array.shape)) == (said["dtype"], said["shape"])
            assert hashlib.sha256(array.tobytes()).hexdigest() == said["sha256"]
        levels = np.rint(arrays["x"] * (16 / 255))
        np.testing.assert_array_equal(np.rint(levels * 255 / 16), arrays["x"])  # the stretch can be undone
        assert len(np.unique(arrays["x"], axis=0)) == 1797  # so no test image is also a training image


def test_the_digits_split_is_fixed_stratified_and_disjoint() -> None:
    train, test = (load(spec, input_shapes=DIGITS, classes=10) for spec in ("digits", "digits/test"))
    assert (len(train), len(test)) == (1257, 540)
    assert test.labels is not None
    assert train.labels is not None
    assert set(train.digests).isdisjoint(test.digests)
    assert train.class_names == tuple("0123456789")
    shares = np.bincount(test.labels) / (np.bincount(train.labels) + np.bincount(test.labels))
    np.testing.assert_allclose(shares, 540 / 1797, atol=0.5 / 174)  # half a sample of the smallest class
    assert train.read([0]).dtype == np.uint8


# Images


@pytest.fixture(params=["folder", "zip", "wrapped zip"])
def pets(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "folder":
        return write_folder(tmp_path / "pets", {**PETS, "cat/.DS_Store": b"", "README.txt": b"hello"})
    if request.param == "zip":
        return write_zip(tmp_path / "pets.zip", {**PETS, "__MACOSX/cat/._a.png": b"no image", "notes.txt": b""})
    return write_zip(tmp_path / "pets.zip", {f"pets/{name}": data for name, data in PETS.items()})


def test_one_folder_a_class_in_alphabetical_order(pets: Path) -> None:
    data = load(str(pets), input_shapes=RGB, classes=3)
    assert data.class_names == ("bird", "cat", "dog")
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1, 1, 2]
    expected = [
        np.asarray(Image.open(io.BytesIO(PETS[n]))) for n in ("bird/d.bmp", "cat/a.png", "cat/b.png", "dog/c.png")
    ]
    np.testing.assert_array_equal(data.read([0, 1, 2, 3]), expected)
    np.testing.assert_array_equal(data.read([3, 0]), [expected[3], expected[0]])
    assert data.read([]).shape == (0, 8, 8, 3)
    assert data.resize == RESIZE["pillow"]
    assert data.sha256 == load(pets, input_shapes={"x": (16, 16, 1)}).sha256  # of the files: size does not matter


def test_a_folder_and_a_zip_of_it_are_the_same_data(tmp_path: Path) -> None:
    folder = load(write_folder(tmp_path / "pets", PETS), input_shapes=RGB)
    archive = load(write_zip(tmp_path / "pets.zip", PETS), input_shapes=RGB)
    assert folder.sha256 == archive.sha256
    np.testing.assert_array_equal(folder.read(range(4)), archive.read(range(4)))


@pytest.mark.parametrize("prefix", ["", "photos/"])
def test_images_without_class_folders_are_unlabelled(prefix: str, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {f"{prefix}{seed}.png": picture(seed) for seed in range(3)})
    data = load(path, input_shapes=RGB, classes=10)
    assert (len(data), data.labels, data.class_names) == (3, None, None)


def test_labels_give_the_order_and_may_be_more_than_the_folders(pets: Path) -> None:
    data = load(pets, input_shapes=RGB, classes=4, class_names=["dog", "fish", "cat", "bird"])
    assert data.labels is not None
    assert data.labels.tolist() == [3, 2, 2, 0]
    with pytest.raises(DataError, match="bird"):
        load(pets, input_shapes=RGB, class_names=["dog", "cat"])


def test_an_empty_class_folder_counts(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pets", PETS)
    (root / "axolotl").mkdir()
    data = load(root, input_shapes=RGB, classes=4)
    assert data.labels is not None
    assert data.labels.tolist() == [1, 2, 2, 3]
    with pytest.raises(DataError, match=r"3 class folders.*got 4"):
        load(root, input_shapes=RGB, classes=3)


def test_a_link_back_to_a_folder_above_ends(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "pets", PETS)
    (root / "cat" / "again").symlink_to(root, target_is_directory=True)
    assert len(load(root, input_shapes=RGB)) == 4


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_channels_and_size_are_the_model_s(mode: str, channels: int, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.png": picture(0, (20, 10), mode)})
    read = load(path, input_shapes={"x": (6, 5, channels)}).read([0])
    assert (read.shape, read.dtype) == ((1, 6, 5, channels), np.uint8)
    expected = Image.open(io.BytesIO(picture(0, (20, 10), mode))).convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
    expected = expected.resize((5, 6), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(read[0], np.asarray(expected).reshape(6, 5, channels))


def test_images_are_decoded_when_they_are_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.png": picture(0), "b.png": picture(1)[:40], "c.png": picture(2)})
    data = load(path, input_shapes=RGB)
    assert data.read([0, 2]).shape == (2, 8, 8, 3)
    with pytest.raises(DataError, match=r"b\.png"):
        data.read([1])


def test_a_transparent_palette_image(tmp_path: Path) -> None:
    stream = io.BytesIO()
    palette = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert("P")
    palette.save(stream, "PNG", transparency=b"\x00" * 64)
    path = write_zip(tmp_path / "a.zip", {"a.png": stream.getvalue()})
    assert load(path, input_shapes=RGB).read([0]).shape == (1, 8, 8, 3)


def float_image() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(stream, "TIFF")
    return stream.getvalue()


def with_a_bad_checksum(path: Path) -> Path:
    data = bytearray(write_zip(path, {"a.png": picture(0)}).read_bytes())
    data[60] ^= 0xFF  # inside the only file's compressed bytes
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("text.png", b"not an image"),
        ("empty.jpg", b""),
        ("cut.bmp", picture(0, kind="BMP")[:60]),
        ("deep.tif", float_image()),
    ],
)
def test_an_image_that_cannot_be_read_is_named(name: str, image: bytes, tmp_path: Path) -> None:
    data = load(write_folder(tmp_path / "a", {name: image}), input_shapes=RGB)
    with pytest.raises(DataError, match=name) as caught:
        data.read([0])
    assert caught.value.remedy


def test_a_broken_file_in_a_zip_is_named(tmp_path: Path) -> None:
    data = load(with_a_bad_checksum(tmp_path / "a.zip"), input_shapes=RGB)
    with pytest.raises(DataError, match=r"a\.png"):
        data.read([0])


def test_a_name_that_points_outside_is_read_inside_the_zip(tmp_path: Path) -> None:
    (tmp_path / "deep" / "down").mkdir(parents=True)
    path = write_zip(tmp_path / "deep" / "down" / "b.zip", {"../../evil.png": picture(0)})
    data = load(path, input_shapes=RGB)
    np.testing.assert_array_equal(data.read([0])[0], np.asarray(Image.open(io.BytesIO(picture(0)))))
    assert sorted(file.name for file in tmp_path.rglob("*") if file.is_file()) == ["b.zip"]


def test_a_file_that_claims_to_be_huge_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "LARGEST_FILE_BYTES", 100)
    data = load(write_zip(tmp_path / "a.zip", {"bomb.png": picture(0)}), input_shapes=RGB)
    with pytest.raises(DataError, match=r"bomb\.png"):
        data.read([0])


def test_an_image_of_too_many_pixels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    data = load(write_zip(tmp_path / "a.zip", {"bomb.png": picture(0)}), input_shapes=RGB)
    with pytest.raises(DataError, match=r"bomb\.png"):
        data.read([0])


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "images"),
        ({"readme.txt": b"x"}, "1 other files"),
        ({"cat/a.png": picture(0), "b.png": picture(1)}, r"b\.png next to the class folders"),
        ({"cat/a.png": picture(0), "cat/b.heic": b"x"}, r"b\.heic"),
    ],
)
def test_folders_that_hold_no_dataset(files: dict[str, bytes], problem: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for root in (write_folder(tmp_path / "a", files), write_zip(tmp_path / "a.zip", files)):
        with pytest.raises(DataError, match=problem):
            load(root, input_shapes=RGB)


def test_a_broken_zip(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "a.zip", PETS).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.zip"):
        load(tmp_path / "a.zip", input_shapes=RGB)


@pytest.mark.parametrize(
    "shapes", [{"x": (None, None, 3)}, {"x": (64,)}, {"x": (8, 8, 2)}, {"a": (8, 8, 3), "b": (8, 8, 3)}]
)
def test_images_need_a_model_that_takes_images(shapes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError):
        load(write_folder(tmp_path / "pets", PETS), input_shapes=shapes)


def test_cifar_photographs(shared: Path) -> None:
    data = load(shared / "data" / "cifar10_validation.zip", input_shapes={"x": (32, 32, 3)}, classes=10)
    assert len(data) == 5000
    assert data.labels is not None
    assert np.bincount(data.labels).tolist() == [500] * 10
    assert data.class_names is not None
    assert data.class_names[0] == "airplane"
    batch = data.read(range(0, 5000, 50))
    assert (batch.shape, batch.dtype) == ((100, 32, 32, 3), np.uint8)
    assert batch.std() > 30  # photographs, not blanks


@pytest.mark.parametrize("spec", ["no/such/folder", "missing.npz", "missing.zip", "c:/no/such", "digits/validation"])
def test_what_is_not_there(spec: str) -> None:
    with pytest.raises((DataError, ConfigError)):
        load(spec, input_shapes=DIGITS)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2,3")
    with pytest.raises(DataError, match=r"data\.csv"):
        load(tmp_path / "data.csv", input_shapes=DIGITS)


# Python values, functions and TFDS


def test_python_values() -> None:
    x, y = np.zeros((4, 8, 8, 1), np.float32), np.array([0, 1, 1, 0])
    assert load(x, input_shapes=DIGITS).labels is None
    labelled = load((x, y), input_shapes=DIGITS, class_names=["no", "yes"])
    assert labelled.labels is not None
    assert (labelled.labels.tolist(), labelled.class_names) == ([0, 1, 1, 0], ("no", "yes"))
    assert load(({"image": x}, y), input_shapes=DIGITS).read([0]).shape == (1, 8, 8, 1)
    assert load(x.tolist(), input_shapes=DIGITS).read([0]).shape == (1, 8, 8, 1)
    assert load(labelled, input_shapes=DIGITS) is labelled


def test_a_function_of_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_data.py").write_text(
        "import numpy as np\n"
        "def bare():\n    return np.zeros((3, 8, 8, 1))\n"
        "def labelled():\n    return np.zeros((3, 8, 8, 1)), [0, 1, 2]\n"
        "def failing():\n    return {}['images']\n"
    )
    monkeypatch.chdir(tmp_path)
    assert load("my_data:bare", input_shapes=DIGITS).labels is None
    labelled = load("my_data:labelled", input_shapes=DIGITS, classes=3)
    assert labelled.labels is not None
    assert (labelled.labels.tolist(), labelled.source) == ([0, 1, 2], "my_data:labelled")
    with pytest.raises(ConfigError, match="gone"):
        load("my_data:gone", input_shapes=DIGITS)
    with pytest.raises(DataError, match=r"my_data:failing .* raised KeyError: 'images' \(my_data.py, line 7\)"):
        load("my_data:failing", input_shapes=DIGITS)


def test_tfds_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # as if it were not installed
    with pytest.raises(DataError, match="tensorflow_datasets") as caught:
        load("tfds:cifar10/test", input_shapes=RGB)
    assert "pip install tensorflow-datasets" in caught.value.remedy


def test_tfds_images_are_resized_and_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is optional and downloads; what it returns is put in its place, with real images in it."""
    from edgeswap.frameworks import tf

    photos = [np.asarray(Image.open(io.BytesIO(picture(seed, (9 + seed, 12))))) for seed in range(3)]

    def tfds_load(name: str, split: str, as_supervised: bool, with_info: bool) -> Any:
        if name != "pets:1.0.0":
            raise ValueError(f"{name} not found.\nAvailable are many.")
        kept = range({"train": 3, "train[:0]": 0}[split])
        signature = (tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int64))
        pairs = tf.data.Dataset.from_generator(lambda: ((photos[i], i % 2) for i in kept), output_signature=signature)
        features = {"image": SimpleNamespace(shape=(None, None, 3)), "label": SimpleNamespace(names=["cat", "dog"])}
        return pairs, SimpleNamespace(features=features, supervised_keys=("image", "label"))

    module = SimpleNamespace(load=tfds_load)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)
    data = load("tfds:pets:1.0.0/train", input_shapes=RGB, classes=2)
    assert data.labels is not None
    assert (data.labels.tolist(), data.class_names) == ([0, 1, 0], ("cat", "dog"))
    assert data.resize == RESIZE["pillow"]
    np.testing.assert_array_equal(data.read([2])[0], fit(Image.fromarray(photos[2]), (8, 8, 3)))
    turned = load("tfds:pets:1.0.0/train", input_shapes=RGB, classes=2, class_names=["dog", "cat"])
    assert turned.labels is not None
    assert (turned.labels.tolist(), turned.class_names) == ([1, 0, 1], ("dog", "cat"))
    with pytest.raises(DataError, match="'cat'"):
        load("tfds:pets:1.0.0/train", input_shapes=RGB, classes=2, class_names=["Cat", "dog"])
    with pytest.raises(DataError, match="got none"):
        load("tfds:pets:1.0.0/train[:0]", input_shapes=RGB)
    with pytest.raises(DataError, match="birds") as caught:
        load("tfds:birds/train", input_shapes=RGB)
    assert "\n" not in caught.value.problem


# Splits


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.data(), st.integers(0, 2**32))
def test_a_split_is_a_partition_with_each_class_in_proportion(
    labels: list[int], draw: st.DataObject, seed: int
) -> None:
    count = draw.draw(st.integers(1, len(labels) - 1))
    x = np.arange(len(labels))[:, np.newaxis]
    data = load((x, labels), input_shapes={"x": (1,)})
    rest, held_out = stratified_split(data, count, seed)
    assert (len(rest), len(held_out)) == (len(labels) - count, count)
    assert sorted([*rest.positions, *held_out.positions]) == list(range(len(labels)))
    assert held_out.labels is not None
    for label in set(labels):
        share = labels.count(label) * count / len(labels)
        assert abs((held_out.labels == label).sum() - share) < 1
    again = stratified_split(data, count, seed)[1]
    assert again.positions.tolist() == held_out.positions.tolist()


def test_numbers_that_nearly_all_differ_are_held_out_from_all_over_their_range() -> None:
    ages = np.arange(1000)
    _, held_out = stratified_split(load((np.zeros((1000, 1)), ages), input_shapes={"x": (1,)}), 0.2, seed=0)
    assert held_out.classes is not None
    assert 450 < held_out.classes.mean() < 550


def test_splits_by_share_and_without_labels() -> None:
    data = load(np.zeros((50, 2)), input_shapes={"x": (2,)})
    rest, held_out = stratified_split(data, 0.2, seed=0)
    assert (len(rest), len(held_out)) == (40, 10)
    assert stratified_split(data, 0.2, seed=1)[1].positions.tolist() != held_out.positions.tolist()
    for impossible in (0, 50, 0.001, 51):
        with pytest.raises(DataError, match="enough samples"):
            stratified_split(data, impossible, seed=0)


def test_importing_it_imports_no_tensorflow() -> None:
    import subprocess

    imported = "import sys, edgeswap.data.load, edgeswap.data.preprocess"
    code = f"{imported}; sys.exit(len({{'tensorflow', 'keras'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
