"""mean-std: what it computes, of which pixels, and what an app does for it."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.bundle.apps.pixels import pixel_steps
from edgeswap.data.mean_std import described, parse
from edgeswap.data.preprocess import from_name
from edgeswap.errors import ConfigError, DataError

OWN = "mean-std:0.45,0.40,0.35/0.28,0.26,0.25"
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)


def test_values_up_to_1_are_of_pixels_0_to_1() -> None:
    expected = (PIXELS.astype(np.float32) / 255 - np.float32([0.45, 0.40, 0.35])) / np.float32([0.28, 0.26, 0.25])
    np.testing.assert_allclose(from_name(OWN)(PIXELS), expected, rtol=1e-6)
    assert parse(OWN).pixels == "pixels 0..1"
    torch = from_name("mean-std:0.485,0.456,0.406/0.229,0.224,0.225")(PIXELS)
    np.testing.assert_array_equal(torch, from_name("torch")(PIXELS))


def test_values_above_1_are_of_pixels_0_to_255() -> None:
    found = from_name("mean-std:123.7,116.3,103.5/58.4,57.1,57.4")(PIXELS)
    expected = (PIXELS - np.float32([123.7, 116.3, 103.5])) / np.float32([58.4, 57.1, 57.4])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(from_name("mean-std:0,0,0/255,255,255")(PIXELS), from_name("unit")(PIXELS))
    assert parse("mean-std:127.5/1").pixels == "pixels 0..255"


def test_one_value_is_for_all_channels_and_for_grayscale() -> None:
    np.testing.assert_array_equal(
        from_name("mean-std:0.5/0.5")(PIXELS), from_name("mean-std:0.5,0.5,0.5/0.5,0.5,0.5")(PIXELS)
    )
    assert from_name("mean-std:0.1307/0.3081")(PIXELS[..., :1]).shape == (4, 6, 6, 1)
    with pytest.raises(DataError, match="3 channels"):
        from_name(OWN)(PIXELS[..., :1])


@pytest.mark.parametrize(
    "name",
    [
        "mean-std:", "mean-std:1", "mean-std:1,2/3", "mean-std:a,b,c/d,e,f", "mean-std:0.5/0", "mean-std:0.5/-1",
        "mean-std:0.5/nan", "mean-std:1,2/3,4", "mean-std:0.5/0.5/0.5", "mean-std:-1/2", "mean-std:300/2",
        "mean-std:0.485,0.456,0.406/58,57,57", "mean-std:123,116,103/0.229,0.224,0.225",
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        from_name(name)
    assert "pixels 0..1" in raised.value.remedy


@pytest.mark.parametrize("name", [OWN, "mean-std:123.7,116.3,103.5/58.4,57.1,57.4"])
def test_an_app_quantizes_each_channel_by_itself(name: str) -> None:
    scale, zero_point = 0.0163, -12
    steps = pixel_steps(from_name(name), channels=3, scale=scale, zero_point=zero_point, resize="r")
    assert steps is not None
    assert len(set(steps.scales)) == 3
    real = from_name(name)(PIXELS).astype(np.float64) / scale + zero_point
    is_tie = np.abs(real - np.floor(real) - 0.5) < 1e-3
    expected = np.clip(np.rint(real), -128, 127)
    assert (steps.quantize(PIXELS) == expected)[~is_tie].all()


def test_a_reader_is_told_which_pixels() -> None:
    assert described(OWN) == f"{OWN} (of pixels 0..1)"
    assert described("mean-std:127.5/127.5") == "mean-std:127.5/127.5 (of pixels 0..255)"
    assert described("unit") == "unit"
    assert described("mine:function") == "mine:function"
