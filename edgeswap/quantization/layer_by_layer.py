"""A model run call by call on the same samples, so that each layer can be looked at, or changed, before the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.batch import samples_at_once
from edgeswap.graph.build import build
from edgeswap.graph.ir import Graph, Node, Ref, map_refs
from edgeswap.graph.layer_names import built_name
from edgeswap.graph.shared_weights import assign

# Each layer is called from Python, which costs a millisecond a part. Correcting the biases of EfficientNet-Lite0 takes
# 18 s of processor time with 64 samples at once, 13 in parts of this size, 19 in parts of a quarter of it.
PART_BYTES = 2**26


class LayerByLayer:
    """The tensors of a graph on some samples, as far as it has run; those that nothing needs any more are dropped.

    Each is held in parts, of as many samples as a network of this size is given at once.

    Args:
        graph: canonical, with weights.
        samples: one array for each input of the graph, (N, ...), float32.
        beside: another run of the same graph, whose Keras layers this one takes: a large network has no room for two.
    """

    def __init__(
        self, graph: Graph, samples: Sequence[npt.NDArray[Any]], *, beside: LayerByLayer | None = None
    ) -> None:
        self._graph = graph
        self._model: Any = build(graph, tf_keras) if beside is None else beside._model
        count = len(samples[0])
        size = samples_at_once(self._model, count, largest_bytes=PART_BYTES)
        self._starts = range(0, count, size)
        self._tensors: dict[Ref, list[Any]] = {
            ref: [tf.constant(array[start : start + size]) for start in self._starts]
            for ref, array in zip(graph.inputs, samples, strict=True)
        }
        self._last = {ref: node.name for node in graph.nodes for ref in node.refs()}

    def input(self, node: Node) -> list[npt.NDArray[np.float32]]:
        """What a call reads first, of all samples, in parts."""
        return [part.numpy() for part in self._tensors[node.refs()[0]]]

    def compute(self, node: Node, weights: Sequence[npt.NDArray[Any]] | None = None) -> list[Any]:
        """What a call gives, in parts, with other weights of its layer where some are given.

        A part is a list where the call gives several tensors.
        """
        if self._graph.layers[node.layer].class_name == "InputLayer":
            return self._tensors[Ref(node.name)]
        layer = self.layer(node)
        if weights is not None:
            layer.set_weights(list(weights))
        given = [self._called(layer, node, part) for part in range(len(self._starts))]
        if weights is not None:
            assign(layer, list(self._graph.layers[node.layer].weights))  # a large network has no room for all others
        return given

    def layer(self, node: Node) -> Any:
        """The Keras layer that a call is of, with its weights."""
        return self._model.get_layer(built_name(node.layer))

    def keep(self, node: Node, given: Sequence[Any]) -> None:
        """Let later calls read what this one gave, and forget what none of them reads."""
        parts = [part if isinstance(part, (list, tuple)) else [part] for part in given]
        for index, tensors in enumerate(zip(*parts, strict=True)):
            self._tensors[Ref(node.name, index)] = list(tensors)
        for ref in set(node.refs()):
            if self._last[ref] == node.name:
                del self._tensors[ref]

    def _called(self, layer: Any, node: Node, part: int) -> Any:
        args, kwargs = map_refs((node.args, node.kwargs), lambda ref: self._tensors[ref][part])
        return layer(*args, **{key: value for key, value in kwargs.items() if key != "training"})
