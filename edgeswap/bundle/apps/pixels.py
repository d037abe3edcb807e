"""How an app turns uint8 pixels into a model's int8 input: floor(pixel * scale + offset + 0.5), channel by channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeswap.data.preprocess import Preprocess
from edgeswap.errors import ModelError

EVERY_PIXEL = np.arange(256)
TIE = 1e-3  # int8 steps: above what float32 preprocessing is off by, below what matters
NOT_LINEAR = 1e-2


@dataclass(frozen=True)
class PixelSteps:
    """From pixels as an app holds them (RGB, RGBA or grayscale, already resized) to int8.

    Channel c of the model takes image channel source_channels[c]; its int8 is
    floor(pixel * scales[c] + offsets[c] + 0.5), clipped to -128..127, in double precision.

    Attributes:
        source_channels: (0, 1, 2) for a model of RGB, (2, 1, 0) for one of BGR, (0,) for grayscale.
        scales: int8 steps a pixel step, one for each channel of the model.
        offsets: the int8 of pixel 0, before rounding.
        preprocess: the name that `--preprocess` knows it by.
        resize: how images were brought to size when accuracy was measured, in words.
    """

    source_channels: tuple[int, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    preprocess: str
    resize: str

    @property
    def is_pixel_minus_128(self) -> bool:
        """Whether it is int8 = pixel - 128 in every channel, in the image's own order."""
        return (
            set(self.scales) == {1.0}
            and set(self.offsets) == {-128.0}
            and self.source_channels == tuple(range(len(self.source_channels)))
        )

    def quantize(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
        """int8 (..., channels) for uint8 (..., channels): what the generated code computes in each language."""
        chosen = pixels[..., list(self.source_channels)].astype(np.float64)
        steps = np.floor(chosen * np.array(self.scales) + np.array(self.offsets) + 0.5)
        int8: npt.NDArray[np.int8] = np.clip(steps, -128, 127).astype(np.int8)
        return int8


def pixel_steps(
    preprocess: Preprocess, *, channels: int, scale: float, zero_point: int, resize: str
) -> PixelSteps | None:
    """The steps that give, for each of the 256 pixel values, the int8 that was calibrated and measured with.

    Where the input has the quantization that `preprocess` names for itself (`raw`, `unit`, `symmetric`) that is
    pixel - 128. Elsewhere it is round(x / scale + zero_point) of the float32 preprocessing x, and each offset lies in
    the middle of those that give just these int8 values, so that no rounding error of a device can tip one over.

    Args:
        preprocess: of the export.
        channels: of the model's input: 1, 3 or 4.
        scale: of the int8 input.
        zero_point: of the int8 input.
        resize: how images are brought to size, in words.

    Returns:
        None for a user's own function, which an app must write itself.

    Raises:
        ModelError: a mapping that is not linear in the pixel.
    """
    if preprocess.is_function:
        return None
    own = preprocess.quantization
    if own is not None and abs(own.scale / scale - 1) < 1e-4 and zero_point in (own.zero_point, _below(own.zero_point)):
        order = tuple(range(channels))
        return PixelSteps(order, (1.0,) * channels, (-128.0,) * channels, preprocess.name, resize)
    pixels = np.repeat(EVERY_PIXEL, channels).reshape(256, 1, 1, channels).astype(np.uint8)
    real_steps = preprocess(pixels).reshape(256, channels).astype(np.float64) / scale + zero_point
    slopes = tuple(float(slope) for slope in (real_steps[255] - real_steps[0]) / 255)
    offsets = tuple(_offset(slope, real_steps[:, channel], preprocess.name) for channel, slope in enumerate(slopes))
    order = (2, 1, 0) if preprocess.name == "caffe" else tuple(range(channels))
    return PixelSteps(order, slopes, offsets, preprocess.name, resize)


def _below(zero_point: int) -> int:
    """The other zero point that bounds halfway between two may have been rounded to; -128 has none below it."""
    return max(zero_point - 1, -128)


def _offset(slope: float, real_steps: npt.NDArray[np.float64], name: str) -> float:
    """The middle of all b for which floor(pixel * slope + b + 0.5), clipped, is round(real_steps) at all 256 pixels.

    Where a pixel falls halfway between two int8 (within `TIE` steps) either will do, and it is rounded up.
    """
    nominal = float(real_steps[0])
    if np.abs(real_steps - (nominal + slope * EVERY_PIXEL)).max() > NOT_LINEAR:
        raise ModelError(
            f"Expected a preprocessing that is linear in the pixel, got {name!r}.",
            "Give the app's own mapping as --preprocess module:function.",
        )
    int8 = np.clip(np.rint(real_steps), -128, 127)
    is_tie = np.abs(real_steps - np.floor(real_steps) - 0.5) < TIE
    nearest = int8 - slope * EVERY_PIXEL
    # What saturates may lie anywhere beyond.
    lowest = np.where(is_tie | (int8 == -128), nominal - 0.5, nearest - 0.5).max()
    highest = np.where(is_tie | (int8 == 127), nominal + 0.5, nearest + 0.5).min()
    return float((nominal + highest) / 2 if is_tie.any() else (lowest + highest) / 2)
