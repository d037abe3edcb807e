"""How many samples a network is given at once."""

from __future__ import annotations

from itertools import chain
from math import prod
from typing import Any

from edgeswap.graph.read import framework_of
from edgeswap.graph.shapes import tensors_of

BATCH_BYTES = 2**24


def samples_at_once(model: Any, most: int) -> int:
    """As many as leave the largest tensor at 16 MiB, at least one and at most `most`.

    Larger tensors are slower for each sample: the allocator gives them back to the system after each use, which then
    clears each page of the next one. EfficientNet-Lite0 takes 0.15 s of processor time a sample in batches of 50, of
    which a third is the system's, and 0.10 s in batches of 4.

    Args:
        model: of either framework, without nested ones.
        most: as many as are wanted at once of a small network.
    """
    tensors = chain.from_iterable(tensors_of(model, framework_of(model)).values())
    largest = max((4 * prod(size or 1 for size in tensor.shape[1:]) for tensor in tensors), default=1)
    return int(max(1, min(most, BATCH_BYTES // largest)))
