"""What a float Keras model says of a dataset, before there is any .tflite."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.load import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.errors import DataError
from edgeswap.evaluation.alternatives import Alternative
from edgeswap.progress import Progress
from edgeswap.records import Accuracy, Caution
from edgeswap.statistics import wilson_interval

BATCH_SIZE = 64
FEW = 50
Classes = npt.NDArray[np.int64]


def model_inputs(dataset: Dataset, preprocess: Preprocess, indices: npt.ArrayLike, as_app: bool) -> list[Any]:
    """One float32 array for each model input, preprocessed; `as_app` as an int8 model in an app will see them."""
    mapped = (preprocess.as_the_app_does if as_app else preprocess)(dataset.read(indices))
    return list(mapped.values()) if isinstance(mapped, dict) else [mapped]


def predict(model: Any, dataset: Dataset, preprocess: Preprocess, *, title: str, progress: Progress) -> Classes:
    """The class with the highest output for every sample: int64 (N,)."""
    classes = []
    with progress.step(title, len(dataset)) as step:
        for start in range(0, len(dataset), BATCH_SIZE):
            indices = np.arange(start, min(start + BATCH_SIZE, len(dataset)))
            inputs = model_inputs(dataset, preprocess, indices, as_app=False)
            outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False).numpy()
            classes.append(outputs.argmax(axis=1))
            step.advance(len(indices))
    return np.concatenate(classes)


def accuracy(predictions: Classes, labels: Classes | None) -> Accuracy:
    """Top-1 of the predictions, with its interval."""
    if labels is None:
        return Accuracy(top1=None, ci95=None, samples=len(predictions))
    right = int(np.count_nonzero(predictions == labels))
    return Accuracy(top1=right / len(labels), ci95=wilson_interval(right, len(labels)), samples=len(labels))


def near_chance(found: Accuracy, classes: int) -> bool:
    """Whether a model seems to know nothing of the data: the 95 % interval of top-1 reaches down to 1 / classes."""
    return found.ci95 is not None and classes > 1 and found.ci95[0] <= 1 / classes


def require_above_chance(found: Accuracy, classes: int, better: Alternative | None = None) -> None:
    """Stop a run whose float model knows nothing of the data.

    Args:
        found: of the float model on the test samples.
        classes: how many it tells apart.
        better: another way to read the data with which it is far better, for the remedy.

    Raises:
        DataError: the 95 % interval of top-1 reaches down to 1 / classes.
    """
    if not near_chance(found, classes):
        return
    assert found.top1 is not None
    if better is not None:
        raise DataError(_poor(found, classes), f"Check what the model was trained with: {better}.")
    few = "" if found.samples >= FEW else ", or give more test samples: these are too few to tell skill from luck"
    raise DataError(
        _poor(found, classes),
        f"Check --preprocess (the training must have used the same) and the order of the classes{few}.",
    )


def _poor(found: Accuracy, classes: int) -> str:
    return (
        f"Expected a trained model, but the float32 model is right on {found.top1:.1%} of {found.samples} test "
        f"samples, and chance is {1 / classes:.1%}."
    )


def poor_float_model(found: Accuracy, better: Alternative) -> Caution:
    """The warning about a float32 model that another way to read the data makes far better."""
    return Caution(
        kind="poor_float_model",
        problem=f"The float32 model is right on {found.top1:.1%} of {found.samples} test samples; {better}.",
        remedy="Pass that if the model was trained that way: all figures here rest on the float32 model's.",
    )
