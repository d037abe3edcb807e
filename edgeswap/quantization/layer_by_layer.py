"""A model run call by call on the same samples, so that each layer can be looked at, or changed, before the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.ir import Graph, Node, Ref, map_refs
from edgeswap.graph.layer_names import built_name
from edgeswap.graph.shared_weights import assign


class LayerByLayer:
    """The tensors of a graph on some samples, as far as it has run; those that nothing needs any more are dropped.

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
        self._tensors: dict[Ref, Any] = {
            ref: tf.constant(array) for ref, array in zip(graph.inputs, samples, strict=True)
        }
        self._last = {ref: node.name for node in graph.nodes for ref in node.refs()}

    def inputs(self, node: Node) -> list[Any]:
        """What a call reads, in order."""
        return [self._tensors[ref] for ref in node.refs()]

    def compute(self, node: Node, weights: Sequence[npt.NDArray[Any]] | None = None) -> Any:
        """What a call gives, with other weights of its layer where some are given; a list if it is several tensors."""
        if self._graph.layers[node.layer].class_name == "InputLayer":
            return self._tensors[Ref(node.name)]
        layer = self.layer(node)
        if weights is not None:
            layer.set_weights(list(weights))
        args, kwargs = map_refs((node.args, node.kwargs), self._tensors.__getitem__)
        given = layer(*args, **{key: value for key, value in kwargs.items() if key != "training"})
        if weights is not None:
            assign(layer, list(self._graph.layers[node.layer].weights))  # a large network has no room for all others
        return given

    def layer(self, node: Node) -> Any:
        """The Keras layer that a call is of, with its weights."""
        return self._model.get_layer(built_name(node.layer))

    def keep(self, node: Node, given: Any) -> None:
        """Let later calls read what this one gave, and forget what none of them reads."""
        for index, tensor in enumerate(given if isinstance(given, (list, tuple)) else [given]):
            self._tensors[Ref(node.name, index)] = tensor
        for ref in set(node.refs()):
            if self._last[ref] == node.name:
                del self._tensors[ref]
