"""Tables of image paths or of features with labels, on real files; and every way they can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.data import csv_file
from edgeswap.data.load import load
from edgeswap.errors import DataError
from tests.image_data import picture, write_folder

RGB = {"image": (8, 8, 3)}
THREE = {"x": (3,)}


def table(root: Path, text: str, encoding: str = "utf-8") -> str:
    write_folder(root, {f"photos/{seed}.png": picture(seed) for seed in range(3)})
    (root / "table.csv").write_bytes(text.encode(encoding))
    return f"csv:{root / 'table.csv'}"


@pytest.mark.parametrize(
    ("text", "labels", "names"),
    [
        ("path,label\nphotos/2.png,dog\nphotos/0.png,cat\n", [1, 0], ("cat", "dog")),
        ("who,photo,what\nann,photos/2.png,dog\n\nben,photos/0.png,cat\n", [1, 0], ("cat", "dog")),
        ("Class;Image\r\n1;photos/2.png\r\n0; photos\\0.png \r\n", [1, 0], None),
        ("filename\ty\nphotos/2.png\t0.5\nphotos/0.png\t2", [0.5, 2.0], None),
        ("file,y_a,y_b\nphotos/2.png,1,0\nphotos/0.png,1,1", [[1, 0], [1, 1]], None),
        ("file\nphotos/2.png\nphotos/0.png", None, None),
        ('path,label\n"photos/2.png","a, b"\nphotos/0.png,ä', [0, 1], ("a, b", "ä")),
    ],
)
def test_images_by_path(text: str, labels: Any, names: Any, tmp_path: Path) -> None:
    spec = table(tmp_path, text)
    data = load(spec, input_shapes=RGB)
    assert (len(data), data.source, data.class_names) == (2, spec, names)
    assert (None if data.labels is None else data.labels.tolist()) == labels  # type: ignore[union-attr]
    whole = load(tmp_path / "photos", input_shapes=RGB)
    np.testing.assert_array_equal(data.read([0, 1]), whole.read([2, 0]))
    assert data.labels_by_name == (names is not None)


@pytest.mark.parametrize(
    ("text", "x", "labels"),
    [
        ("a,b,c,label\n1,2,3,0\n4,5,6,1", [[1, 2, 3], [4, 5, 6]], [0, 1]),
        ("label,a,b,c\n0,1,2,3\n1,4,5,6", [[1, 2, 3], [4, 5, 6]], [0, 1]),
        ("a,b,c,price\n1,2,3,1.5\n4,5,6,2e3", [[1, 2, 3], [4, 5, 6]], [1.5, 2000]),
        ("a,b,c\n1,2,3\n4,5,6", [[1, 2, 3], [4, 5, 6]], None),
        ("target,a,b,target_2,c\n0.5,1,2,1,3\n1,4,5,2,6", [[1, 2, 3], [4, 5, 6]], [[0.5, 1], [1, 2]]),
    ],
)
def test_features(text: str, x: Any, labels: Any, tmp_path: Path) -> None:
    data = load(table(tmp_path, text, "utf-8-sig"), input_shapes=THREE)
    read = data.read(range(len(data)))
    assert (read.dtype, read.tolist()) == (np.float32, x)
    assert (None if data.labels is None else data.labels.tolist()) == labels  # type: ignore[union-attr]


def test_features_take_the_shape_of_the_input(tmp_path: Path) -> None:
    spec = table(tmp_path, "a,b,c,d,y\n1,2,3,4,0\n5,6,7,8,1")
    assert load(spec, input_shapes={"x": (2, 2, 1)}).read([1]).tolist() == [[[[5], [6]], [[7], [8]]]]
    assert load(spec, input_shapes={"x": (None,)}).read([1]).shape == (1, 4)


def test_names_are_numbered_as_the_model_s(tmp_path: Path) -> None:
    spec = table(tmp_path, "path,label\nphotos/2.png,dog\nphotos/0.png,cat\n")
    data = load(spec, input_shapes=RGB, classes=3, class_names=["dog", "fish", "cat"])
    assert data.classes is not None
    assert data.classes.tolist() == [0, 2]
    with pytest.raises(DataError, match="of 3 names"):
        load(spec, input_shapes=RGB, classes=3)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("path,label\n", "got no rows"),
        ("path,path\na.png,b.png", "different column names"),
        ("path,\na.png,b.png", "column names"),
        ("1,2,3\n4,5,6", "column names .* got 1, 2, 3"),
        ("photos/0.png,1\nphotos/1.png,2", r"column names .* got photos/0\.png, 1"),
        ("0.5,2,cat\n4,5,dog", r"column names .* got 0\.5, 2, cat"),
        ("path,label\nphotos/0.png,1\nphotos/1.png", "2 cells in line 3 of .* got 1"),
        ("path,label\nphotos/0.png,1\n\ngone.png,2\nlost.png,1", r"'gone\.png' in line 4, .* and 1 more"),
        ("path,label\nphotos/0.png,1\n/dev/null,2", "in line 3"),
        (f"path,label\nphotos/0.png,1\n{'a' * 5000}.png,2", "in line 3"),
        ("path,label\nphotos/0.png,1\na\0.png,2", "table|line 3"),
        ("path,label\nphotos/0.png,1\nphotos/1.png,2\nphotos/2.png,3x", "'label' of .* got '3x' in line 4"),
        ("path,label\nphotos/0.png,a\nphotos/1.png,", "got none in line 3"),
        ("path,y_a,y_b\nphotos/0.png,1,cat", "'y_b' .* got 'cat' in line 2"),
        ('path,label\nphotos/0.png,"1\n', "table"),
        ("path,label\nphotos/0.png," + "a" * 200_000, "table"),
    ],
)
def test_tables_of_images_that_are_wrong(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        load(table(tmp_path, text), input_shapes=RGB)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b,y\n1,2,0", "3 columns of features .* got 2"),
        ("a,b,c,d,y\n1,2,3,4,0", "got 4"),
        ("a,b,c,y\n1,2,3,0\n1,2,x,0", "'c' of .* got 'x' in line 3"),
        ("a,b,c,y\n1,2,,0", "got '' in line 2"),
        ("a,b,c,y\n1,2,nan,0", "got 'nan' in line 2"),
        ("a,b,c,y\n1,2,3,inf\n1,2,3,0", "got 'inf' in line 2"),
        ("a,b,c,y\n1,2,3e39,0", "got '3e39' in line 2"),
        ("label\n1", "got 0"),
    ],
)
def test_tables_of_features_that_are_wrong(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        load(table(tmp_path, text), input_shapes=THREE)
    assert caught.value.remedy


def test_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="utf-8"):
        load(table(tmp_path, "path,label\nphotos/0.png,ä", "latin-1"), input_shapes=RGB)
    with pytest.raises(DataError, match="inputs a, b"):
        load(table(tmp_path, "a,b,y\n1,2,3"), input_shapes={"a": (1,), "b": (1,)})
    with pytest.raises(DataError, match="does not exist"):
        load(f"csv:{tmp_path / 'gone.csv'}", input_shapes=RGB)
    with pytest.raises(DataError, match="kind that is read") as caught:
        load(tmp_path / "table.csv", input_shapes=RGB)
    assert caught.value.remedy.startswith("Write it as csv:")
    monkeypatch.setattr(csv_file, "LARGEST_FILE_BYTES", 5)
    with pytest.raises(DataError, match="bytes"):
        load(f"csv:{tmp_path / 'table.csv'}", input_shapes=RGB)
