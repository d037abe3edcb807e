"""What a float Keras model gives for a dataset, before there is any .tflite, and how good that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    batches = _batches(model, dataset, preprocess, as_app=False, title=title, progress=progress)
    return joined(
        [
            score(scoring, outputs, scoring.decided(outputs), take(dataset.labels, rows), inputs)
            for rows, inputs, outputs in batches
        ]
    )


def raw_outputs(model: Any, dataset: Dataset, preprocess: Preprocess, *, title: str, progress: Progress) -> list[Array]:
    """What a Keras model gives for all samples, as an app will show them to it: (N, ...) for each output."""
    batches = _batches(model, dataset, preprocess, as_app=True, title=title, progress=progress)
    return [np.concatenate(parts) for parts in zip(*(outputs for _, _, outputs in batches), strict=True)]


def _batches(
    model: Any, dataset: Dataset, preprocess: Preprocess, *, as_app: bool, title: str, progress: Progress
) -> Iterator[tuple[npt.NDArray[np.int64], list[Array], list[Array]]]:
    """Indices, inputs and outputs of each batch."""
    with progress.step(title, len(dataset)) as step:
        for start in range(0, len(dataset), BATCH_SIZE):
            rows = np.arange(start, min(start + BATCH_SIZE, len(dataset)))
            inputs = model_inputs(dataset, preprocess, rows, as_app=as_app)
            yield rows, inputs, outputs_of(model, inputs)
            step.advance(len(rows))


def outputs_of(model: Any, inputs: Sequence[Array]) -> list[Array]:
    """What a Keras model gives: one float32 array (n, ...) for each output, in order."""
    given = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(output) for output in (given if isinstance(given, (list, tuple)) else [given])]
