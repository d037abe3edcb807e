"""The ranges that a model gives to single samples, for the choice of calibration samples. Imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeswap.commands.source import Source, open_source
from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.data.preprocess_choice import preprocess_for
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.predictions import BATCH_SIZE
from edgeswap.model.custom_objects import CustomObjects
from edgeswap.progress import Progress
from edgeswap.quantization.calibrate import sample_extremes
from edgeswap.quantization.placement import place

Extremes = tuple[Any, Any]  # lowest and highest value of each sample, float32 (N, ranges)


def opened_model(model: Path, *, trust: bool, custom_objects: CustomObjects, progress: Progress) -> Source:
    """The model of that file.

    Raises:
        ModelError: it cannot be read, or has inputs of free size.
    """
    return open_source(model, seed=0, progress=progress, trust=trust, custom_objects=custom_objects)


def preprocess_of(source: Source, data: Dataset, name: str | None) -> Preprocess:
    """The mapping of `data` to the model's inputs.

    Raises:
        DataError: the data are pixels, and nothing tells what the model takes.
    """
    return preprocess_for(data, name, takes_raw_pixels=source.takes_raw_pixels)


def tensor_ranges(source: Source, data: Dataset, preprocess: Preprocess, *, progress: Progress) -> Extremes:
    """The range of each quantized tensor in every sample.

    Raises:
        ModelError: a layer gives NaN or infinity for a sample.
    """
    placement = place(source.graph, input_ranges=dict.fromkeys(source.input_shapes))
    extremes: Callable[[list[Any]], Extremes] = sample_extremes(placement)
    parts = []
    with progress.step("Look at the ranges of every sample", len(data)) as step:
        for start in range(0, len(data), BATCH_SIZE):
            rows = np.arange(start, min(start + BATCH_SIZE, len(data)))
            parts.append(extremes(model_inputs(data, preprocess, rows, as_app=True)))
            step.advance(len(rows))
    lows, highs = zip(*parts, strict=True)
    return np.concatenate(lows), np.concatenate(highs)
