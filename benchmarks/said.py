"""The classes that classifiers give: of a Keras model, and of two .tflite files by the device script."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.evaluation.device_samples import write_evaluation
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.predictions import asked
from edgeswap.targets.host import Host
from edgeswap.targets.measure import measure

BATCH = 64
Classes = npt.NDArray[np.int64]


def keras_classes(model: Any, dataset: Dataset, preprocess: Preprocess) -> Classes:
    """The class with the highest output for every sample: int64 (N,)."""
    rows = [np.arange(start, min(start + BATCH, len(dataset))) for start in range(0, len(dataset), BATCH)]
    parts = [asked(model)(model_inputs(dataset, preprocess, some, as_app=False))[0].argmax(axis=1) for some in rows]
    return np.concatenate(parts)


def tflite_classes(tflite_models: Sequence[bytes], dataset: Dataset, preprocess: Preprocess) -> tuple[Classes, Classes]:
    """Likewise for each of two `.tflite` files, run once by the device script."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"{number}.tflite" for number in range(len(tflite_models))]
        for path, tflite_model in zip(paths, tflite_models, strict=True):
            path.write_bytes(tflite_model)
        mapping = write_evaluation(dataset, preprocess, folder / "evaluation.npz")
        (found,) = measure(
            Host(),
            paths,
            folder / "evaluation.npz",
            outputs=folder / "outputs.npz",
            preprocess=mapping,
            quick=True,
        )
        first, second = (given[0].array.argmax(axis=1) for given in (found.baseline, found.candidate))
    return np.asarray(first), np.asarray(second)
