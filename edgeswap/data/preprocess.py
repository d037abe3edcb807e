"""From raw pixels to what a model takes, by name; and to what it will see in an app that sends int8 = pixel - 128."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.mean_std import is_mean_std, parse
from edgeswap.errors import ConfigError, DataError
from edgeswap.graph.feature_normalization import FeatureNormalization
from edgeswap.system.user_function import call_function, import_function

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]

# Those of keras.applications.imagenet_utils.preprocess_input: ImageNet's means in BGR of 0..255, and its means and
# standard deviations in RGB of 0..1.
CAFFE_MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)
TORCH_MEAN_RGB = np.array([0.485, 0.456, 0.406], np.float32)
TORCH_STD_RGB = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True)
class InputQuantization:
    """How an int8 input stands for a float: float = scale * (int8 - zero_point).

    The formula is that of the TFLite 8-bit quantization specification.
    """

    scale: float
    zero_point: int

    @property
    def range(self) -> tuple[float, float]:
        """The floats of int8 -128 and 127: a fake-quant with this range has exactly this scale and zero point."""
        return self.scale * (-128 - self.zero_point), self.scale * (127 - self.zero_point)


@dataclass(frozen=True)
class Preprocess:
    """A mapping of raw samples to a model's float32 input.

    Attributes:
        name: what a user writes for it.
        mapping: float32 in, float32 of the same shape out (a user's own function: see `from_name`).
        input_bounds: lowest and highest value it gives for pixels 0..255; None where the mapping has none of its own.
        quantization: the int8 input for which an app's int8 = pixel - 128 holds; None where it cannot.
        normalizations: what is done last to the inputs of these names; in the int8 model the app does it.
    """

    name: str
    mapping: Callable[[Any], Any]
    input_bounds: tuple[float, float] | None = None
    quantization: InputQuantization | None = None
    normalizations: Mapping[str, FeatureNormalization] = field(default_factory=dict)

    def __call__(self, raw: Any) -> Any:
        """The float32 input for raw samples.

        Args:
            raw: an array (N, H, W, C) of pixels 0..255, uint8 or float; or a dict of arrays by input name, of which
                those are mapped that `pixel_inputs` names (a user's own function is handed the dict as it is).

        Returns:
            float32, the same shape; or a dict of such.

        Raises:
            DataError: pixels outside 0..255, not three channels where the mapping needs them, or a user's function
                raised an error or returned what is no float array of as many samples.
        """
        if self.normalizations:
            return _normalized(replace(self, normalizations={})(raw), self.normalizations)
        if self.is_function:
            return _checked_result(self.name, raw, call_function(self.name, self.mapping, raw))
        if isinstance(raw, Mapping):
            return _by_input(raw, self)
        self._check_pixels(raw)
        return np.asarray(self.mapping(raw.astype(np.float32)), np.float32)

    @property
    def is_function(self) -> bool:
        """Whether it is a user's own function, which an app must write itself."""
        return ":" in self.name and not is_mean_std(self.name)

    def as_the_app_does(self, raw: Any) -> Any:
        """The float32 input as an int8 model will see it: quantization-aware training and calibration use this.

        With `raw` and `unit` that is what the call gives, to float32's last bit; with `symmetric` every value is half
        a step (1/255) lower. Where there is no `quantization` it is the call itself.
        """
        if self.normalizations:
            return _normalized(replace(self, normalizations={}).as_the_app_does(raw), self.normalizations)
        if self.quantization is None:
            return self(raw)
        if isinstance(raw, Mapping):
            return _by_input(raw, self.as_the_app_does)
        self._check_pixels(raw)
        pixels = raw if raw.dtype == np.uint8 else np.clip(np.rint(raw), 0, 255)
        mapped = pixels.astype(np.float32)
        mapped -= 128 + self.quantization.zero_point
        mapped *= np.float32(self.quantization.scale)
        return mapped

    def _check_pixels(self, raw: Array) -> None:
        if self.name in ("caffe", "torch") and raw.shape[-1] != 3:
            raise DataError(
                f"Expected RGB images (N, H, W, 3) for preprocess {self.name!r}, got shape {raw.shape}.",
                "Grayscale models take 'raw', 'unit' or 'symmetric'.",
            )
        if self.name != "none" and raw.dtype != np.uint8 and raw.size and (raw.min() < 0 or raw.max() > 255):
            raise DataError(
                f"Expected pixels 0..255 for preprocess {self.name!r}, got values {raw.min():g} to {raw.max():g}.",
                "Give the pixels as they are in the image files, or --preprocess none for arrays that need no mapping.",
            )


def pixel_inputs(raw: Mapping[str, Array]) -> frozenset[str]:
    """Which of a model's inputs are pixels, for a mapping to change; the others are what the model takes.

    The uint8 ones; where there are none, those of whole numbers; where there are none either, all of them.

    Args:
        raw: input name to raw samples.
    """
    whole = frozenset(name for name, array in raw.items() if array.dtype.kind in "iu")
    of_bytes = frozenset(name for name in whole if raw[name].dtype == np.uint8)
    return of_bytes or whole or frozenset(raw)


def _normalized(mapped: Any, normalizations: Mapping[str, FeatureNormalization]) -> Any:
    """What the model takes, after its own normalization; an array that has no name is the only input's."""
    if isinstance(mapped, Mapping):
        return {
            name: normalizations[name](array) if name in normalizations else array for name, array in mapped.items()
        }
    (normalization,) = normalizations.values()
    return normalization(mapped)


def _by_input(raw: Mapping[str, Array], mapping: Callable[[Any], Any]) -> dict[str, FloatArray]:
    pixels = pixel_inputs(raw)
    return {name: mapping(array) if name in pixels else np.asarray(array, np.float32) for name, array in raw.items()}


def _caffe(rgb: FloatArray) -> FloatArray:
    return rgb[..., ::-1] - CAFFE_MEAN_BGR


def _torch(rgb: FloatArray) -> FloatArray:
    return np.asarray((rgb / np.float32(255) - TORCH_MEAN_RGB) / TORCH_STD_RGB)


NAMED: Mapping[str, Preprocess] = {
    preprocess.name: preprocess
    for preprocess in (
        Preprocess("raw", lambda x: x, (0.0, 255.0), InputQuantization(1.0, -128)),
        Preprocess("unit", lambda x: x / np.float32(255), (0.0, 1.0), InputQuantization(1 / 255, -128)),
        # Pixel 127.5 is 0.0, which no int8 hits: the zero point would be -0.5. 0 it is, as the TFLite converter rounds
        # [-1, 1] (pixel 128 is then 0.0); TensorFlow's fake-quant rounds the same bounds to -1, so a fake-quant must be
        # given `quantization.range` (-256/255, 254/255), on which both agree, and not `input_bounds`.
        Preprocess("symmetric", lambda x: x / np.float32(127.5) - 1, (-1.0, 1.0), InputQuantization(2 / 255, 0)),
        Preprocess("caffe", _caffe),
        Preprocess("torch", _torch),
        Preprocess("none", lambda x: x),
    )
}


def from_name(name: str) -> Preprocess:
    """The preprocessing that `name` stands for.

    Args:
        name: `raw` (pixels as they are), `unit` (0..1), `symmetric` (-1..1), `caffe` or `torch` (as keras.applications
            names them), `mean-std:R,G,B/R,G,B` (see `mean_std`), `none` (float arrays that need no mapping), or
            `module:function`: a function that takes the raw array (N, ...), or the dict of arrays by input name, and
            returns the model's float input for it.

    Raises:
        ConfigError: a name that is none of these, numbers that cannot be meant, or a function that cannot be imported.
    """
    if name in NAMED:
        return NAMED[name]
    if is_mean_std(name):
        return Preprocess(name, parse(name))
    if ":" in name:
        return Preprocess(name, import_function(name))
    raise ConfigError(
        f"Expected a preprocess of {', '.join(NAMED)}, mean-std:R,G,B/R,G,B or module:function, got {name!r}.",
        "Use the one that the model was trained with.",
    )


def _checked_result(name: str, raw: Any, result: Any) -> Any:
    if isinstance(result, Mapping):
        return {key: _checked_result(name, raw, array) for key, array in result.items()}
    samples = len(next(iter(raw.values())) if isinstance(raw, Mapping) else raw)
    array = np.asarray(result)
    if array.dtype.kind not in "fiu" or array.shape[:1] != (samples,):
        raise DataError(
            f"Expected {name} to return numbers for {samples} samples, got {array.dtype} of shape {array.shape}.",
            "It gets the raw batch and must return the model's input for every sample in it.",
        )
    return array.astype(np.float32)
