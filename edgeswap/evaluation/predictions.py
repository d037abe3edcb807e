"""What a float Keras model gives for a dataset, before there is any .tflite, and how good that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.scoring import Scores, Scoring, joined, score, take
from edgeswap.frameworks import tf
from edgeswap.graph.autograph import translated
from edgeswap.graph.batch import batches, samples_at_once
from edgeswap.progress import Progress

BATCH_SIZE = 64
LEAST_AT_ONCE = 16
Classes = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


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
    ask = asked(model)
    with progress.step(title, len(dataset)) as step:
        for start in range(0, len(dataset), BATCH_SIZE):
            rows = np.arange(start, min(start + BATCH_SIZE, len(dataset)))
            inputs = model_inputs(dataset, preprocess, rows, as_app=as_app)
            yield rows, inputs, ask(inputs)
            step.advance(len(rows))


def asked(model: Any) -> Callable[[Sequence[Array]], list[Array]]:
    """A function of one float32 array (n, ...) for each input to one for each output of a Keras model, in order.

    Samples that take much are run few at once by a graph, and others together: a graph takes longer to trace than a
    small network takes to run.

    Args:
        model: of either framework, without nested ones.
    """
    at_once = samples_at_once(model, BATCH_SIZE)
    if at_once >= LEAST_AT_ONCE:
        return partial(_run, partial(model, training=False))
    run = partial(_run, tf.function(translated(partial(model, training=False), model), reduce_retracing=True))

    def parts(inputs: Sequence[Array]) -> list[Array]:
        outputs = [run(batch) for _, batch in batches(inputs, at_once)]
        return [np.concatenate(of_one)[: len(inputs[0])] for of_one in zip(*outputs, strict=True)]

    return parts


def _run(call: Any, inputs: Sequence[Array]) -> list[Array]:
    given = call([tf.constant(array) for array in inputs] if len(inputs) > 1 else tf.constant(inputs[0]))
    return [np.asarray(output) for output in (given if isinstance(given, (list, tuple)) else [given])]
