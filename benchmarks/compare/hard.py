"""Changes of a network that leave its function as it is, up to rounding, and make it hard to quantize."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from benchmarks.budget import multiplied
from benchmarks.budget import rescaled as rescaled_bottlenecks
from edgeswap.graph.ir import Graph
from edgeswap.quantization.folding import fold_batch_norms

OUTLIER = 32.0  # times what the channel was
UNEQUAL = 32.0  # one branch by the other, beside what they were


def rescaled(graph: Graph) -> Graph:
    """The channels of each linear bottleneck multiplied by exp(N(0, 1)), and divided where they are read."""
    return rescaled_bottlenecks(fold_batch_norms(graph))


def outlier_channel(graph: Graph) -> Graph:
    """The first channel of each linear bottleneck `OUTLIER` times as large, and divided where it is read."""
    return multiplied(
        fold_batch_norms(graph), lambda channels: np.where(np.arange(channels) == 0, OUTLIER, 1).astype(np.float32)
    )


def unequal_concat(graph: Graph) -> Graph:
    """The second branch of each concat of `networks.branches` `UNEQUAL` times as large, and divided where it is read.

    ReLU stands between: it lets a positive factor through.
    """
    graph = fold_batch_norms(graph)
    layers = dict(graph.layers)
    for name in [name for name in layers if name.endswith("_narrow")]:
        kernel, bias = layers[name].weights
        layers[name] = replace(layers[name], weights=(kernel * np.float32(UNEQUAL), bias * np.float32(UNEQUAL)))
        reader = name.replace("_narrow", "_mix")
        kernel, bias = layers[reader].weights
        factor = np.ones(kernel.shape[2], np.float32)
        factor[kernel.shape[2] // 2 :] = UNEQUAL
        layers[reader] = replace(layers[reader], weights=(kernel / factor[:, None], bias))
    return graph.with_layers(layers)


CHANGES: Mapping[str, Callable[[Graph], Graph]] = {
    "rescaled": rescaled,
    "outlier_channel": outlier_channel,
    "unequal_concat": unequal_concat,
}
