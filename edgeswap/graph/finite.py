"""Weights that are no numbers: a training that went astray leaves NaN, and nothing computed from it means anything."""

from __future__ import annotations

import numpy as np

from edgeswap.errors import ModelError
from edgeswap.graph.ir import Graph


def require_finite(graph: Graph) -> None:
    """Refuse a model with a weight that is NaN or infinite.

    Raises:
        ModelError: it names the first such layer, and how many of its values.
    """
    for layer in graph.layers.values():
        for weight in layer.weights:
            broken = weight.size - np.count_nonzero(np.isfinite(weight)) if weight.dtype.kind == "f" else 0
            if broken:
                raise ModelError(
                    f"Expected finite weights, got {broken:,} of {weight.size:,} values that are NaN or infinite in "
                    f"layer {layer.name!r} ({layer.class_name}).",
                    "Its training went astray: train it again with a lower learning rate, or give an earlier state.",
                )
