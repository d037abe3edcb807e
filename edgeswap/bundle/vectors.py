"""Which samples become golden vectors: unlike ones, on which kernels that round in another way agree well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

VECTORS = 4
# Of these the vectors are chosen, and on these the two sets of kernels are held against each other.
CANDIDATES = 100
# Of their outputs under one set of kernels, in int8: a class map of 512 x 512 pixels and 21 classes has 5.5 MB.
MOST_BYTES = 64 << 20
Array = npt.NDArray[Any]


def candidates(count: int, shapes: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """Up to `CANDIDATES` samples of `count`, evenly spaced: files are often in the order of their classes.

    Fewer where the outputs are large, but twice as many as `VECTORS` where there are so many.

    Args:
        count: how many samples there are.
        shapes: of the outputs of one sample, int8.
    """
    room = MOST_BYTES // sum(math.prod(shape) for shape in shapes)
    chosen = min(count, CANDIDATES, max(room, 2 * VECTORS))
    return np.arange(chosen, dtype=np.int64) * count // chosen


def choose(outputs: Sequence[Array], apart: Array, classes: Array | None) -> list[int]:
    """The numbers of up to `VECTORS` samples, in order.

    Only of those on which the two sets of kernels part by no more than they do on half of the samples. Of these with
    `classes` the first sample of each class, then the first of the rest; without, those whose outputs differ most.

    Args:
        outputs: int8 (N, ...) for each output.
        apart: (N,) by how many int8 steps the two sets of kernels part.
        classes: (N,) what the model decides for each sample; None where it does not decide.
    """
    calm = np.flatnonzero(apart <= np.median(apart))
    own = _spread([output[calm] for output in outputs]) if classes is None else _first_of_each(classes[calm])
    rest = [index for index in range(len(calm)) if index not in own]
    return sorted(calm[[*own, *rest][:VECTORS]].tolist())


def _first_of_each(classes: Array) -> list[int]:
    _, first = np.unique(classes, return_index=True)
    return sorted(first.tolist())


def _spread(outputs: Sequence[Array]) -> list[int]:
    """The first sample, then again and again the one farthest from all that were taken (Gonzalez, 1985).

    The distance is the mean difference in int8 steps, summed over the outputs, so that a small one counts as a large.
    """
    taken, nearest = [0], np.full(len(outputs[0]), np.inf)
    while len(taken) < min(VECTORS, len(nearest)):
        last = taken[-1]
        nearest = np.minimum(nearest, sum(_distances(output, last) for output in outputs))
        nearest[taken] = -1
        taken.append(int(nearest.argmax()))
    return taken


def _distances(output: Array, sample: int) -> Array:
    """Of every sample from one, (N,)."""
    return np.array([np.abs(other.astype(np.int16) - output[sample]).mean() for other in output])
