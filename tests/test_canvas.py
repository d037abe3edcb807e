"""Canvases: what is on them is what their masks, boxes and points say, and no test digit is on one for training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeswap.data.canvas import INK, Canvases, draw, key_points, present
from edgeswap.data.load import load


def digits(part: str) -> tuple[Any, Any]:
    data = load(part, input_shapes={"image": (8, 8, 1)}, classes=10)
    return data.read(np.arange(len(data))), data.classes


@pytest.fixture(scope="module")
def canvases() -> Canvases:
    return draw(*digits("digits"), 40, size=32, most=4, scales=(1, 2), seed=3)


def test_a_seed_decides_the_canvases(canvases: Canvases) -> None:
    again = draw(*digits("digits"), 40, size=32, most=4, scales=(1, 2), seed=3)
    other = draw(*digits("digits"), 40, size=32, most=4, scales=(1, 2), seed=4)
    assert np.array_equal(again.images, canvases.images)
    assert np.array_equal(again.masks, canvases.masks)
    assert not np.array_equal(other.images, canvases.images)


def test_a_box_holds_the_ink_of_its_digit_and_nothing_less(canvases: Canvases) -> None:
    assert canvases.images.shape == (40, 32, 32, 1)
    assert canvases.boxes.shape == (40, 4, 5)
    for mask, boxes in zip(canvases.masks, canvases.boxes, strict=True):
        there = boxes[~np.isnan(boxes[:, 0])]
        assert set(np.unique(mask)) - {0} == set(there[:, 4].astype(int) + 1)
        for y0, x0, y1, x1, digit in there:
            ys, xs = np.nonzero(mask == digit + 1)
            assert (ys.min(), xs.min(), ys.max() + 1, xs.max() + 1) == (y0 * 32, x0 * 32, y1 * 32, x1 * 32)


def test_the_mask_is_where_the_ink_is(canvases: Canvases) -> None:
    assert np.array_equal(canvases.masks > 0, canvases.images[..., 0] > INK)


def test_two_different_digits_where_two_are_asked_for() -> None:
    found = present(draw(*digits("digits"), 30, size=20, least=2, most=2, seed=0))
    assert found.dtype == np.uint8
    assert found.shape == (30, 10)
    assert (found.sum(axis=1) == 2).mean() > 0.8  # a second one may find no room


def test_key_points_are_the_corners_of_the_box_and_a_centre_between_them() -> None:
    canvases = draw(*digits("digits"), 30, size=24, seed=0)
    points = key_points(canvases)
    assert points.dtype == np.float32
    assert points.shape == (30, 6)
    assert np.array_equal(points[:, :4], canvases.boxes[:, 0, :4])
    assert (points[:, 4:] > points[:, :2]).all()
    assert (points[:, 4:] < points[:, 2:4]).all()


def test_no_test_digit_is_on_a_training_canvas() -> None:
    canvases = draw(*digits("digits"), 300, size=8, seed=0)  # room for one digit, as it is
    test, train = ({image.tobytes() for image in digits(part)[0]} for part in ("digits/test", "digits"))
    drawn = {image.tobytes() for image in canvases.images}
    assert drawn <= train
    assert not drawn & test
