"""`mean-std:R,G,B/R,G,B`: pixels less a mean, divided by a standard deviation, channel by channel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeswap.errors import ConfigError, DataError

PREFIX = "mean-std:"
_REMEDY = (
    "Write it as mean-std:0.485,0.456,0.406/0.229,0.224,0.225 for pixels 0..1 (torchvision's), or as "
    "mean-std:123.7,116.3,103.5/58.4,57.1,57.4 for pixels 0..255; one value each for grayscale."
)


@dataclass(frozen=True)
class MeanStd:
    """x = (pixel / unit - mean) / std.

    Attributes:
        mean: of each channel, or one for all.
        std: likewise.
        unit: 255 where mean and std are of pixels 0..1, which is so where none of them is above 1 (as torchvision has
            them); else 1: they are of pixels 0..255.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    unit: float

    def __call__(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 (N, H, W, channels) for pixels 0..255 of that shape.

        Raises:
            DataError: the images have another number of channels.
        """
        if len(self.mean) not in (1, pixels.shape[-1]):
            raise DataError(
                f"Expected images of {len(self.mean)} channels for mean-std, got shape {pixels.shape}.",
                "Give a mean and a standard deviation for each channel, or one for all.",
            )
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return np.asarray((pixels / np.float32(self.unit) - mean) / std, np.float32)

    @property
    def pixels(self) -> str:
        """Which pixels mean and std are of, in words."""
        return "pixels 0..1" if self.unit == 255 else "pixels 0..255"


def is_mean_std(name: str) -> bool:
    """Whether `name` is of this kind."""
    return name.startswith(PREFIX)


def parse(name: str) -> MeanStd:
    """The mapping that `mean-std:...` stands for.

    Raises:
        ConfigError: not two lists of as many numbers, a standard deviation that is not above 0, or numbers of which
            some can only be of pixels 0..1 and others only of pixels 0..255.
    """
    parts = name.removeprefix(PREFIX).split("/")
    try:
        mean, std = (tuple(float(number) for number in part.split(",")) for part in parts)
    except ValueError as error:
        raise ConfigError(f"Expected means and standard deviations, got {name!r}.", _REMEDY) from error
    numbers = (*mean, *std)
    if len(mean) != len(std) or len(mean) not in (1, 3, 4) or not all(map(math.isfinite, numbers)) or min(std) <= 0:
        raise ConfigError(
            f"Expected as many means as standard deviations above 0 (1, 3 or 4 of each), got {name!r}.", _REMEDY
        )
    if min(mean) < 0 or max(numbers) > 255:
        raise ConfigError(f"Expected means and standard deviations of 0 to 255, got {name!r}.", _REMEDY)
    of_bytes = max(numbers) > 1
    if of_bytes and (any(0 < number < 1 for number in mean) or any(number < 1 for number in std)):
        raise ConfigError(
            f"Expected means and standard deviations either all of pixels 0..1 or all of pixels 0..255, got {name!r}.",
            _REMEDY,
        )
    return MeanStd(mean, std, 1.0 if of_bytes else 255.0)


def described(preprocess: str) -> str:
    """The name of a preprocessing, and of which pixels the numbers in it are, for a reader."""
    return f"{preprocess} (of {parse(preprocess).pixels})" if is_mean_std(preprocess) else preprocess
