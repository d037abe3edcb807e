"""How large each channel of a tensor is on representative samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.batch import MOST_AT_ONCE, batches, samples_at_once
from edgeswap.graph.build import build
from edgeswap.graph.ir import Graph
from edgeswap.graph.layer_names import built_name


def channel_sizes(
    graph: Graph, nodes: Iterable[str], samples: Sequence[npt.NDArray[np.float32]]
) -> dict[str, npt.NDArray[np.float32]]:
    """The largest magnitude in each channel, on the last axis, of what some calls give: name to (channels,).

    Args:
        graph: canonical, with weights.
        nodes: names of calls, each the only one of its layer.
        samples: one array for each model input, (N, ...), float32, preprocessed.
    """
    names = list(nodes)
    model = build(graph, tf_keras)
    tapped = tf_keras.Model(
        model.inputs, [model.get_layer(built_name(graph.node(name).layer)).output for name in names]
    )

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def largest(*batch: Any) -> Any:
        given = tapped(list(batch), training=False)
        values = given if isinstance(given, (list, tuple)) else [given]
        return [tf.reduce_max(tf.abs(value), axis=list(range(len(value.shape) - 1))) for value in values]

    seen: list[npt.NDArray[np.float32]] = []
    for _, batch in batches(samples, samples_at_once(model, MOST_AT_ONCE)) if names else ():
        found = [array.numpy() for array in largest(*map(tf.constant, batch))]
        seen = [np.maximum(one, other) for one, other in zip(seen, found, strict=True)] if seen else found
    return dict(zip(names, seen, strict=True))
