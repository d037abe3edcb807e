"""Class folders 0 to 11: as text 10 stands before 2; the float model says which order is its own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgeswap.data.load import Dataset, load
from edgeswap.evaluation.class_order import by_number, class_order
from tests.image_data import encoded, write_folder

NUMBERS = tuple(map(str, range(12)))
AS_TEXT = tuple(sorted(NUMBERS))


@pytest.fixture
def photos(tmp_path: Path) -> Dataset:
    """Images whose grey level is twenty times the number of their folder, and up to 6 more."""
    random = np.random.default_rng(0)
    files = {
        f"{name}/{at}.png": encoded(random.integers(20 * int(name), 20 * int(name) + 7, (8, 8), np.uint8))
        for name in NUMBERS
        for at in range(3)
    }
    return load(write_folder(tmp_path / "photos", files), input_shapes={"x": (8, 8, 1)}, classes=12)


def by_level(data: Dataset) -> np.ndarray:
    """A model that was trained with label = int(folder)."""
    return data.read(np.arange(len(data)))[:, 0, 0, 0].astype(np.int64) // 20


def by_text(data: Dataset) -> np.ndarray:
    """A model that was trained with the folders sorted as Keras's loader does."""
    return np.array([AS_TEXT.index(str(level)) for level in by_level(data)])


def test_the_float_model_decides_and_it_is_said(photos: Dataset) -> None:
    order, caution = class_order([photos], by_level, seed=0)
    assert order == NUMBERS
    assert caution is not None
    assert "Sorted by number, the float32 model is right on 100.0% of" in caution.problem
    assert "sorted as text (10 before 2), on 16.7%. They were sorted by number." in caution.problem
    assert (photos.with_names(order).labels == by_level(photos)).all()
    order, caution = class_order([photos], by_text, seed=0)
    assert order is None
    assert caution is not None
    assert "They were sorted as text." in caution.problem


def test_arrays_beside_the_folders_are_not_asked(photos: Dataset) -> None:
    arrays = load(
        (np.zeros((4, 8, 8, 1)), [0, 1, 2, 11]), input_shapes={"x": (8, 8, 1)}, classes=12, class_names=AS_TEXT
    )
    assert class_order([arrays, photos], by_level, seed=0)[0] == NUMBERS
    assert class_order([arrays, None], by_level, seed=0) == (None, None)
    renamed = arrays.with_names(NUMBERS)
    assert renamed.class_names == NUMBERS
    assert renamed.labels is not None
    assert renamed.labels.tolist() == [0, 1, 2, 11]


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("0", "1", "10", "2"), ("0", "1", "2", "10")),
        (("0", "1", "2"), None),
        (("0", "1", "2", "10"), None),  # said so by --labels
        (("000", "001", "010"), None),
        (("1", "10", "a"), None),
        (None, None),
    ],
)
def test_numbers(names: tuple[str, ...] | None, order: tuple[str, ...] | None) -> None:
    assert by_number(names) == order


@pytest.mark.slow
def test_an_export_follows_the_float_model(photos: Dataset, tmp_path: Path) -> None:
    """A network that names the nearest of twelve grey levels: figures and labels.txt are by number."""
    import edgeswap as api
    from edgeswap.frameworks import keras

    levels = np.arange(12) * 20 / 255
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(12)])
    # -(x - level)^2 without x^2, the same for all, for the mean x of 64 pixels.
    model.layers[-1].set_weights([np.tile(2 * levels / 64, (64, 1)) * 100, -(levels**2) * 100])
    report = api.export(model, data=photos.source, preprocess="unit", method="ptq", output=tmp_path / "out").report
    assert report.float32.quality.value == 1.0
    assert {"test_may_be_known", "class_order"} <= {caution.kind for caution in report.warnings}
    with zipfile.ZipFile(tmp_path / "out" / "bundle.zip") as bundle:
        assert bundle.read("labels.txt").decode().split() == list(NUMBERS)
