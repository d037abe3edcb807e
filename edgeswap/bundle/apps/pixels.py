"""How an app turns uint8 pixels into a model's input, channel by channel.

int8 and uint8 are floor(pixel * scale + offset + 0.5), float32 is pixel * scale + offset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.preprocess import Preprocess
from edgeswap.errors import ModelError
from edgeswap.records import Io
from edgeswap.tflite.ends import UINT8_OFFSET

LIMITS = {"int8": (-128, 127), "uint8": (0, 255)}
EVERY_PIXEL = np.arange(256)
TIE = 1e-3  # int8 steps: above what float32 preprocessing is off by, below what matters
NOT_LINEAR = 1e-2


@dataclass(frozen=True)
class PixelSteps:
    """From pixels as an app holds them (RGB, RGBA or grayscale, already resized) to what the model takes.

    Channel c of the model takes image channel source_channels[c]. An int8 or uint8 input is
    floor(pixel * scales[c] + offsets[c] + 0.5), clipped to its range, in double precision. A float32 input is the real
    value pixel * scales[c] + offsets[c], in double precision and then rounded: scale and offset are float32 numbers, so
    that the product is exact and a device that multiplies and adds in one rounding gives the same.

    Attributes:
        source_channels: (0, 1, 2) for a model of RGB, (2, 1, 0) for one of BGR, (0,) for grayscale.
        scales: steps of the input a pixel step, one for each channel of the model; real values where it is float32.
        offsets: the value of pixel 0, before rounding.
        preprocess: the name that `--preprocess` knows it by.
        resize: how images were brought to size when accuracy was measured, in words.
        dtype: of the input.
    """

    source_channels: tuple[int, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    preprocess: str
    resize: str
    dtype: Io = "int8"

    @property
    def is_pixel_minus_128(self) -> bool:
        """Whether it is int8 = pixel - 128 in every channel, in the image's own order."""
        return self.dtype == "int8" and self._is_pixel_plus(-128.0)

    @property
    def is_the_pixel(self) -> bool:
        """Whether the uint8 or float32 input is the pixel itself, in the image's own order of channels."""
        return self.dtype != "int8" and self._is_pixel_plus(0.0)

    def _is_pixel_plus(self, offset: float) -> bool:
        in_order = self.source_channels == tuple(range(len(self.source_channels)))
        return set(self.scales) == {1.0} and set(self.offsets) == {offset} and in_order

    def quantize(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """The input (..., channels) for uint8 (..., channels): what the generated code computes in each language."""
        of_pixel = EVERY_PIXEL[:, np.newaxis].astype(np.float64) * np.array(self.scales) + np.array(self.offsets)
        if self.dtype != "float32":
            of_pixel = np.clip(np.floor(of_pixel + 0.5), *LIMITS[self.dtype])
        of_pixel = of_pixel.astype(self.dtype)
        taken = np.empty((*pixels.shape[:-1], len(self.source_channels)), self.dtype)
        for channel, source in enumerate(self.source_channels):
            taken[..., channel] = of_pixel[pixels[..., source], channel]
        return taken

    def of_type(self, dtype: Io, *, scale: float, zero_point: int) -> PixelSteps:
        """The same for a model with other ends.

        Args:
            dtype: of the input.
            scale: of the int8 tensor that the model computes with.
            zero_point: of that.
        """
        if dtype == "uint8":
            return replace(self, dtype=dtype, offsets=tuple(offset + UINT8_OFFSET for offset in self.offsets))
        if dtype == "float32":
            scales = tuple(float(np.float32(one * scale)) for one in self.scales)
            offsets = tuple(float(np.float32((offset - zero_point) * scale)) for offset in self.offsets)
            return replace(self, dtype=dtype, scales=scales, offsets=offsets)
        return self


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
