"""The ways of --resize, held against Keras's own loader and against Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeswap.data.load import load
from edgeswap.data.resizing import RESIZE, bilinear, centre, fit
from edgeswap.frameworks import keras
from tests.image_data import encoded, write_folder


@pytest.mark.parametrize(
    ("size", "wanted"), [((160, 160), (32, 32)), ((33, 50), (24, 31)), ((7, 5), (20, 9)), ((64, 64), (64, 64))]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_keras_is_what_its_loader_does(
    size: tuple[int, int], wanted: tuple[int, int], channels: int, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *size, channels), dtype=np.uint8)
    root = write_folder(tmp_path, {f"{name}/0.png": encoded(x) for name, x in zip("ab", pixels, strict=True)})
    colours = "rgb" if channels == 3 else "grayscale"
    loader = keras.utils.image_dataset_from_directory(
        root, image_size=wanted, color_mode=colours, shuffle=False, batch_size=2, verbose=False
    )
    ((theirs, labels),) = loader.as_numpy_iterator()
    np.testing.assert_allclose(
        [bilinear(x, *wanted) for x in pixels], theirs, atol=1e-3
    )  # of 255: float32 rounds at 3e-5
    ours = load(root, input_shapes={"x": (*wanted, channels)}, resize="keras")
    assert np.abs(ours.read([0, 1]) - theirs).max() < 0.5 + 1e-3  # whole pixels, as an app holds them
    assert ours.labels is not None
    assert ours.labels.tolist() == labels.tolist()
    assert ours.resize == RESIZE["keras"]


def test_crop_takes_the_middle_and_keeps_proportions() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8))
    expected = image.crop((10, 0, 40, 30)).resize((8, 8), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(fit(image, (8, 8, 3), "crop"), expected)


@pytest.mark.parametrize(
    ("size", "wanted", "box"),
    [
        ((50, 30), (8, 8), (10, 0, 40, 30)),
        ((30, 51), (8, 8), (0, 10, 30, 40)),
        ((40, 30), (16, 12), (0, 0, 40, 30)),
        ((100, 100), (200, 100), (0, 25, 100, 75)),
        ((1, 100), (100, 1), (0, 49, 1, 50)),
    ],
)
def test_the_centre(size: tuple[int, int], wanted: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    assert centre(size, wanted) == box
