"""What a float Keras model gives for a dataset, before there is any .tflite, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.evaluation.scoring import Scores, Scoring, joined, score, take
from edgeswap.progress import Progress

BATCH_SIZE = 64
Classes = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


def model_inputs(dataset: Dataset, preprocess: Preprocess, indices: npt.ArrayLike, as_app: bool) -> list[Any]:
    """One float32 array for each model input, preprocessed; `as_app` as an int8 model in an app will see them."""
    mapped = (preprocess.as_the_app_does if as_app else preprocess)(dataset.read(indices))
    return list(mapped.values()) if isinstance(mapped, dict) else [mapped]


def predict(
    model: Any, dataset: Dataset, preprocess: Preprocess, scoring: Scoring, *, title: str, progress: Progress
) -> Scores:
    """The scores of a Keras model on all samples of a dataset, whose labels are those that the task made."""

    chunks = []
    with progress.step(title, len(dataset)) as step:
        for start in range(0, len(dataset), BATCH_SIZE):
            rows = np.arange(start, min(start + BATCH_SIZE, len(dataset)))
            inputs = model_inputs(dataset, preprocess, rows, as_app=False)
            outputs = outputs_of(model, inputs)
            chunks.append(score(scoring, outputs, scoring.decided(outputs), take(dataset.labels, rows), inputs))
            step.advance(len(rows))
    return joined(chunks)


def outputs_of(model: Any, inputs: Sequence[Array]) -> list[Array]:
    """What a Keras model gives: one float32 array (n, ...) for each output, in order."""
    given = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(output) for output in (given if isinstance(given, (list, tuple)) else [given])]
