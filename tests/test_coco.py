"""Images with boxes from COCO JSON, on real files; and every way they can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.data import npz
from edgeswap.data.load import load
from edgeswap.errors import DataError
from tests.image_data import encoded, picture, write_folder

RGB = {"image": (8, 8, 3)}


def content() -> dict[str, Any]:
    return {
        "info": {"description": "pets"},
        "images": [
            {"id": 7, "file_name": "a.png", "height": 10, "width": 20},
            {"id": 3, "file_name": "b.png", "height": 8, "width": 8},
            {"id": 5, "file_name": "none.png", "height": 8, "width": 8},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [5, 2, 10, 4], "area": 40, "iscrowd": 0},
            {"id": 2, "image_id": 3, "category_id": 2, "bbox": [0, 0, 8, 8]},
            {"id": 3, "image_id": 7, "category_id": 2, "bbox": [-0.5, 9.5, 4, 1]},
            {"id": 4, "image_id": 3, "category_id": 2, "bbox": [0, 0, 1, 1], "iscrowd": 1},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 2, "name": "cat"}],
    }


IMAGES = {"a.png": picture(0, (20, 10)), "b.png": picture(1), "none.png": picture(2)}


def written(root: Path, found: Any, place: str = "") -> str:
    write_folder(root, {f"{place}{name}": data for name, data in IMAGES.items()})
    (root / "pets.json").write_text(found if isinstance(found, str) else json.dumps(found))
    return f"coco:{root / 'pets.json'}"


@pytest.mark.parametrize("place", ["", "images/"])
def test_boxes_are_shares_of_the_image_and_class_numbers(place: str, tmp_path: Path) -> None:
    spec = written(tmp_path, content(), place)
    data = load(spec, input_shapes=RGB)
    assert (len(data), data.source, data.class_names, data.classes) == (3, spec, ("cat", "dog"), None)
    assert isinstance(data.labels, np.ndarray)
    assert (data.labels.shape, data.labels.dtype) == ((3, 2, 5), np.float32)
    nothing = [np.nan] * 5
    expected = [
        [[0.2, 0.25, 0.6, 0.75, 1], [0.95, 0, 1, 0.175, 0]],
        [[0, 0, 1, 1, 0], nothing],
        [nothing, nothing],
    ]
    np.testing.assert_allclose(data.labels, expected, rtol=1e-6)
    assert data.read([0]).shape == (1, 8, 8, 3)


def test_the_folders_of_coco_itself(tmp_path: Path) -> None:
    write_folder(tmp_path / "val2017", IMAGES)
    (tmp_path / "annotations").mkdir()
    file = tmp_path / "annotations" / "instances_val2017.json"
    file.write_text(json.dumps(content()))
    assert len(load(f"coco:{file}", input_shapes=RGB)) == 3


def test_class_names_number_the_categories(tmp_path: Path) -> None:
    spec = written(tmp_path, content())
    data = load(spec, input_shapes=RGB, class_names=["dog", "fish", "cat"])
    assert isinstance(data.labels, np.ndarray)
    assert (data.labels[0, :, 4].tolist(), data.class_names) == ([0, 2], ("dog", "fish", "cat"))
    with pytest.raises(DataError, match="named as in --labels, got dog"):
        load(spec, input_shapes=RGB, class_names=["cat", "fish"])


def test_with_crop_boxes_are_those_of_what_the_model_sees(tmp_path: Path) -> None:
    found = content()
    found["annotations"][2]["bbox"] = [0, 0, 5, 10]  # left of the centred square, which is 5 to 15
    data = load(written(tmp_path, found), input_shapes=RGB, resize="crop")
    assert isinstance(data.labels, np.ndarray)
    np.testing.assert_allclose(data.labels[0], [[0.2, 0, 0.6, 1, 1]], rtol=1e-6)


def test_an_image_that_is_stored_turned(tmp_path: Path) -> None:
    found = content()
    spec = written(tmp_path, found)
    (tmp_path / "a.png").write_bytes(encoded(np.zeros((20, 10, 3), np.uint8), orientation=6))
    assert len(load(spec, input_shapes=RGB)) == 3  # 10 x 20 as it is shown
    with pytest.raises(DataError, match=r"a\.png of 20 x 10 pixels, as coco:.* got 10 x 20"):
        load(spec, input_shapes=RGB, resize="keras")


def test_images_without_any_box(tmp_path: Path) -> None:
    labels = load(written(tmp_path, content() | {"annotations": []}), input_shapes=RGB).labels
    assert isinstance(labels, np.ndarray)
    assert labels.shape == (3, 1, 5)
    assert np.isnan(labels).all()


def changed(*path: Any, to: Any) -> Callable[[], Any]:
    def change() -> Any:
        found: Any = content()
        place = found
        for key in path[:-1]:
            place = place[key]
        if to is KeyError:
            del place[path[-1]]
        else:
            place[path[-1]] = to
        return found

    return change


FIRST = ("annotations", 0)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: "", "empty"),
        (lambda: "{", "JSON file"),
        (lambda: "[]", "a list, no object"),
        (lambda: '{"a": ' * 300 + "1" + "}" * 300, "nested deeper"),
        (lambda: "[" * 100_000, "nested deeper"),
        (lambda: '{"images": [], "images": []}', "'images' twice"),
        (changed("images", to=KeyError), "list 'images' .* got none"),
        (changed("images", to=[]), "images"),
        (changed("images", to={}), "something else"),
        (changed("images", 0, to=[1]), "row without id"),
        (changed("images", 0, "id", to=[1]), "row without id"),
        (changed("images", 0, "id", to=3), "got 3 twice"),
        (changed("images", 0, "height", to=KeyError), "height and width of image 7"),
        (changed("images", 0, "width", to=10**500), r"a\.png of 1"),
        (changed("images", 0, "width", to=21), r"a\.png of 21 x 10 pixels"),
        (changed("images", 0, "file_name", to=KeyError), "file_name"),
        (changed("images", 0, "file_name", to="c.png"), r"no c\.png\."),
        (changed("images", 0, "file_name", to="c\0.png"), "no c"),
        (changed("images", 0, "file_name", to="c" * 5000), "no ccc"),
        (changed("categories", to=[]), "categories"),
        (changed("categories", 0, "name", to=None), "categories with a name"),
        (changed("categories", 0, "name", to="cat"), "categories with a name"),
        (changed(*FIRST, "image_id", to=8), "image 8"),
        (changed(*FIRST, "image_id", to=[8]), r"image \[8\]"),
        (changed(*FIRST, "category_id", to=KeyError), "category None"),
        (changed(*FIRST, "bbox", to=KeyError), "annotation 1 of .* got None"),
        (changed(*FIRST, "bbox", to=[1, 2, 3]), "annotation 1"),
        (changed(*FIRST, "bbox", to=[1, 2, 3, "4"]), "annotation 1"),
        (changed(*FIRST, "bbox", to=[1, 2, float("nan"), 4]), "annotation 1"),
        (changed(*FIRST, "bbox", to=[1, 2, 10**400, 4]), "annotation 1"),
        (changed(*FIRST, "bbox", to=[1, 2, 0, 4]), "above 0"),
        (changed(*FIRST, "bbox", to=[15, 2, 10, 4]), r"within its image of 20 x 10 pixels in annotation 1"),
        (changed(*FIRST, "bbox", to=[-2, 2, 10, 4]), "within its image"),
    ],
)
def test_json_that_is_no_coco(make: Callable[[], Any], problem: str, tmp_path: Path) -> None:
    spec = written(tmp_path, make())
    with pytest.raises(DataError, match=problem) as caught:
        load(spec, input_shapes=RGB)
    assert caught.value.remedy


def test_two_missing_images(tmp_path: Path) -> None:
    spec = written(tmp_path, content())
    for name in ("a.png", "none.png"):
        (tmp_path / name).unlink()
    with pytest.raises(DataError, match=r"no a\.png and 1 more"):
        load(spec, input_shapes=RGB)


def test_more_boxes_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MEMORY_SHARE", 1e-9)
    with pytest.raises(DataError, match="memory"):
        load(written(tmp_path, content()), input_shapes=RGB)
