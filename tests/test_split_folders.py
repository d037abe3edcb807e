"""dataset/{train,test}/{class} is one dataset in two parts, never two classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeswap.data.load import Dataset, load
from edgeswap.errors import DataError
from tests.image_data import picture, write_folder, write_zip


def files(*places: str) -> dict[str, bytes]:
    return {f"{place}/{seed}.png": picture(100 * at + seed) for at, place in enumerate(places) for seed in range(2)}


BOTH = files("train/defect", "train/ok", "test/defect", "test/ok")


def opened(path: Path, **settings: object) -> Dataset:
    return load(path, input_shapes={"x": (8, 8, 3)}, **settings)  # type: ignore[arg-type]


@pytest.fixture(params=["folder", "zip", "wrapped zip", "wrapped folder"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "folder":
        return write_folder(tmp_path / "dataset", BOTH)
    if request.param == "wrapped folder":
        return write_folder(tmp_path / "dataset", {f"photos/{name}": data for name, data in BOTH.items()})
    inside = "photos/" if request.param == "wrapped zip" else ""
    return write_zip(tmp_path / "dataset.zip", {f"{inside}{name}": data for name, data in BOTH.items()})


def test_train_and_test_are_parts_with_the_same_classes(dataset: Path) -> None:
    train, test = opened(dataset, classes=2), opened(dataset, classes=2, part="test")
    for part, name in ((train, "train"), (test, "test")):
        assert part.class_names == ("defect", "ok")
        assert part.labels is not None
        assert part.labels.tolist() == [0, 0, 1, 1]
        assert part.source == str(dataset / name)
        assert part.split is not None
    assert set(train.digests).isdisjoint(test.digests)


@pytest.mark.parametrize(
    ("parts", "train", "test"),
    [
        (("Training", "Testing"), "Training", "Testing"),
        (("TRAIN", "val"), "TRAIN", "val"),
        (("train", "valid", "test"), "train", "test"),
        (("train", "dev"), "train", "dev"),
        (("train", "eval", "test"), "train", "test"),
    ],
)
def test_names_that_parts_go_by(parts: tuple[str, ...], train: str, test: str, tmp_path: Path) -> None:
    places = [f"{part}/{name}" for part in parts for name in ("a", "b")]
    root = write_folder(tmp_path / "d", files(*places))
    assert opened(root).source == str(root / train)
    assert opened(root, part="test").source == str(root / test)


@pytest.mark.parametrize(
    "places",
    [
        ("train", "test"),  # images right below
        ("train/a", "train/b", "test"),
        ("train/a", "training/a", "test/a"),
        ("train/a", "test/a", "extra/a"),
        ("test/a", "val/a"),  # nothing to train on
    ],
)
def test_what_is_not_clear_is_refused_with_both_ways_to_say_it(places: tuple[str, ...], tmp_path: Path) -> None:
    root = write_folder(tmp_path / "d", files(*places))
    with pytest.raises(DataError, match="train and test with the same class folders") as caught:
        opened(root)
    assert "--test-data" in caught.value.remedy
    assert "--labels" in caught.value.remedy


def test_classes_that_are_called_so_are_classes_where_the_labels_say_it(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "d", files("train", "test"))
    data = opened(root, class_names=["train", "test"])
    assert data.labels is not None
    assert data.labels.tolist() == [1, 1, 0, 0]
    vehicles = opened(write_folder(tmp_path / "e", files("car", "train")))
    assert vehicles.class_names == ("car", "train")
    assert vehicles.split is None
