"""A few samples on their way into the int8 model, as an app must bring them there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeswap.data.dataset import Dataset, evenly_spaced
from edgeswap.data.pictures import is_image
from edgeswap.data.preprocess import Preprocess
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.records import InputExample
from edgeswap.tflite.flatbuffer import Tensor, read, tensors

SAMPLES = 3
MOST_VALUES = 4


def input_examples(dataset: Dataset, preprocess: Preprocess, tflite_model: bytes | None) -> list[InputExample]:
    """Of `SAMPLES` samples, evenly spaced, one pixel of an image, or the first values of other inputs.

    The pixel is one of middling brightness: black and white say least of a mapping. Of several inputs the first image
    counts, else the first.

    Args:
        dataset: of samples that the model takes.
        preprocess: from raw samples to the float32 model's inputs.
        tflite_model: with int8 inputs, which tell scale and zero point; None for another precision.
    """
    rows = evenly_spaced(len(dataset), SAMPLES)
    given = dataset.read(rows)
    raws = list(given.values()) if isinstance(given, dict) else [given]
    reals = model_inputs(dataset, preprocess, rows, as_app=False)
    number = next((number for number, array in enumerate(raws) if is_image(array)), 0)
    raw, real = raws[number], reals[number]
    shown = is_image(raw) and raw.shape == real.shape
    tensor = None if tflite_model is None else _int8_input(tflite_model, number)
    held = None if tensor is None else model_inputs(dataset, preprocess, rows, as_app=True)[number]
    examples = []
    for row, index in enumerate(rows):
        place = _middling(raw[row]) if shown else []
        int8 = None if tensor is None or held is None else _int8(_at(held[row], place), tensor)
        examples.append(
            InputExample(
                index=int(index),
                input=number,
                place=place,
                raw=_at(raw[row], place).tolist(),
                real=_at(real[row], place).tolist(),
                int8=int8,
            )
        )
    return examples


def _middling(image: npt.NDArray[np.float32]) -> list[int]:
    """Row and column of the first pixel that is nearest to half way between the lowest and the highest value."""
    first = np.nan_to_num(image[..., 0].astype(np.float64))
    off = np.abs(first - (first.min() + first.max()) / 2)
    return [int(place) for place in np.unravel_index(off.argmin(), off.shape)]


def _at(sample: npt.NDArray[np.float32], place: list[int]) -> npt.NDArray[np.float64]:
    values = sample[tuple(place)] if place else sample.reshape(-1)
    return np.nan_to_num(np.asarray(values, np.float64).reshape(-1)[:MOST_VALUES], posinf=0.0, neginf=0.0)


def _int8_input(tflite_model: bytes, number: int) -> Tensor | None:
    """The input of that number; None where it is not int8."""
    model = read(tflite_model)
    tensor = tensors(model)[int(model.subgraphs[0].inputs[number])]
    return tensor if tensor.dtype == "INT8" else None


def _int8(real: npt.NDArray[np.float64], tensor: Tensor) -> list[int]:
    """By the specification: real = scale * (int8 - zero point)."""
    steps = np.rint(real / tensor.scales[0] + tensor.zero_points[0])
    whole: list[int] = np.clip(steps, -128, 127).astype(int).tolist()
    return whole
