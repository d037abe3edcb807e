"""A model's own Normalization of features, taken out of it and left to the app.

An int8 input has one scale for all its features. A temperature of -20 to 40 beside a pressure of 95,000 to 105,000 Pa
has then no step of its own left, and the Normalization behind the input can bring nothing back. Normalized before they
are quantized, the features are all of about one size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Graph, Layer, Node, Ref, map_refs

_EPSILON = 1e-7  # keras.backend.epsilon(), below which Normalization lets no standard deviation fall
_LAYERS = ("Normalization", "Rescaling")


@dataclass(frozen=True)
class FeatureNormalization:
    """(value - mean) / deviation, feature by feature along the last axis.

    Attributes:
        mean: one number for each feature, as float32 holds it.
        deviation: likewise, not zero.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __call__(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 (..., features) of float32 (..., features), as the Keras layer computes it."""
        mean, deviation = np.array(self.mean, np.float32), np.array(self.deviation, np.float32)
        return np.asarray((values - mean) / deviation, np.float32)


def without_normalizations(graph: Graph, kept: Collection[str]) -> tuple[Graph, dict[str, FeatureNormalization]]:
    """The graph without the layers that normalize the features of an input, and what they did, by the input's name.

    A Normalization, or a Rescaling with numbers for each feature, is taken out where it alone reads an input of shape
    (features,) or (steps, features). Those of images stay: there int8 is to be pixel - 128.

    Args:
        graph: canonical.
        kept: names of inputs whose layers stay.
    """
    readers = graph.consumers()
    leaving = {ref.node for ref in graph.outputs}
    found: dict[str, FeatureNormalization] = {}
    removed: dict[str, Ref] = {}
    for ref in graph.inputs:
        shape = graph.layer_of(ref).config["batch_shape"][1:]
        if ref.node in kept or ref.node in leaving or len(readers[ref.node]) != 1 or len(shape) not in (1, 2):
            continue
        (reader,) = readers[ref.node]
        normalization = _of_layer(graph.layer_of(reader), rank=len(shape) + 1, features=shape[-1])
        if normalization is not None:
            found[ref.node] = normalization
            removed[reader.name] = ref
    if not found:
        return graph, {}
    return _without(graph, removed), found


def _of_layer(layer: Layer, *, rank: int, features: int) -> FeatureNormalization | None:
    """What a layer does to each feature; None where it is none of these layers, or does not go by features."""
    if layer.class_name not in _LAYERS or layer.config.get("invert"):
        return None
    if layer.class_name == "Rescaling":
        scale, offset = (np.asarray(layer.config[key], np.float32) for key in ("scale", "offset"))
        if not (scale.ndim or offset.ndim) or not np.all(scale):
            return None
        if any(size != 1 for values in (scale, offset) for size in values.shape[:-1]):
            return None  # a number for each step
        mean, deviation = -offset / scale, 1 / scale
    else:
        axes = layer.config["axis"]
        axes = [axes] if isinstance(axes, int) else list(axes or ())
        if axes and [axis % rank for axis in axes] != [rank - 1]:
            return None
        mean, variance = layer.weights[:2] if layer.weights else (layer.config["mean"], layer.config["variance"])
        mean, variance = np.asarray(mean, np.float32), np.asarray(variance, np.float32)
        deviation = np.maximum(np.sqrt(variance), np.float32(_EPSILON))
    both = [np.ravel(np.asarray(values, np.float32)) for values in (mean, deviation)]
    if any(len(values) not in (1, features) or not np.isfinite(values).all() for values in both):
        return None
    means, deviations = (tuple(map(float, np.broadcast_to(values, features))) for values in both)
    return FeatureNormalization(means, deviations)


def _without(graph: Graph, removed: Mapping[str, Ref]) -> Graph:
    """The graph without these calls, whose readers read instead what the calls read."""

    def source(ref: Ref) -> Ref:
        return removed.get(ref.node, ref)

    nodes: list[Node] = []
    for node in graph.nodes:
        if node.name not in removed:
            args, kwargs = map_refs((node.args, node.kwargs), source)
            nodes.append(replace(node, args=args, kwargs=kwargs))
    called = {node.layer for node in nodes}
    layers = {name: layer for name, layer in graph.layers.items() if name in called}
    return replace(graph, layers=layers, nodes=tuple(nodes), outputs=tuple(map(source, graph.outputs)))
