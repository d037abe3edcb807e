"""How many samples a network is given at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.read import framework_of
from edgeswap.graph.shapes import tensors_of

BATCH_BYTES = 2**24
MOST_AT_ONCE = 50  # of a small network, where values are observed

Array = npt.NDArray[Any]


def samples_at_once(model: Any, most: int, *, largest_bytes: int = BATCH_BYTES) -> int:
    """As many as leave the largest tensor at `largest_bytes`, at least one and at most `most`.

    Larger tensors are slower for each sample: the allocator gives them back to the system after each use, which then
    clears each page of the next one. EfficientNet-Lite0 takes 0.15 s of processor time a sample in batches of 50, of
    which a third is the system's, and 0.10 s in batches of 4.

    Args:
        model: of either framework, without nested ones.
        most: as many as are wanted at once of a small network.
        largest_bytes: of a tensor; more than 16 MiB where a call costs more than its samples.
    """
    tensors = chain.from_iterable(tensors_of(model, framework_of(model)).values())
    largest = max((4 * prod(size or 1 for size in tensor.shape[1:]) for tensor in tensors), default=1)
    return int(max(1, min(most, largest_bytes // largest)))


def batches(arrays: Sequence[Array], size: int) -> Iterator[tuple[int, list[Array]]]:
    """How many samples of a batch are new, and the batch: its last samples are there again where too few are left.

    With batches of one size a graph is traced once.

    Args:
        arrays: (N, ...) for each input.
        size: samples of a batch; all of them where there are fewer.
    """
    total = len(arrays[0])
    for start in range(0, total, size):
        rows = np.minimum(np.arange(start, start + min(size, total)), total - 1)
        yield min(size, total - start), [array[rows] for array in arrays]
