"""The swap: a graph with other activations. A pure function over data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from edgeswap.activations.catalog import Activation
from edgeswap.errors import ConfigError
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.ir import ACTIVATION_ATTRIBUTE, OPERATION, Graph, Layer, Node
from edgeswap.graph.operations import operation_of
from edgeswap.graph.swap_pattern import Rule, parse_rule
from edgeswap.records import Activations, SkippedActivation, SwappedActivation

__all__ = ["Rule", "Swap", "parse_rule", "swap"]


@dataclass(frozen=True)
class Swap:
    """What came out: the new graph, and what was and was not swapped."""

    graph: Graph
    activations: Activations


def swap(graph: Graph, activation: Activation | None = None, rules: Sequence[Rule] = ()) -> Swap:
    """`graph` with its activations swapped; weights, names and all else stay.

    Args:
        graph: canonical.
        activation: what every hidden activation becomes; None leaves them to `rules`.
        rules: by kind or by layer name; the last that fits wins, over `activation` too.

    Output activations (also those behind which only layers that change the shape follow) and the gates of
    squeeze-and-excite blocks (an activation that only scales another tensor) stay, unless a rule names their layer.

    Raises:
        ConfigError: a rule fits no activation of the graph.
    """
    unfit = [rule.pattern for rule in rules if not any(rule.fits(layer, found) for layer, found in _activations(graph))]
    if unfit:
        names = ", ".join(f"{layer.name} ({found})" for layer, found in _activations(graph)) or "none"
        raise ConfigError(
            f"Expected every --swap pattern to fit an activation of the model, but {unfit[0]!r} fits none.",
            f"Its activations are: {names}.",
        )
    protected = _protected(graph)
    changed: dict[str, Layer] = {}
    swapped: list[SwappedActivation] = []
    skipped: list[SkippedActivation] = _foreign(graph) if activation else []
    for layer, found in _activations(graph):
        named = [rule for rule in rules if rule.fits(layer, found)]
        to = named[-1].to if named else activation
        if to is None or to == found or (not named and found.kind == "linear"):
            continue
        reason = protected.get(layer.name)
        if reason and not (named and named[-1].kind is None):
            skipped.append(SkippedActivation(layer=layer.name, activation=str(found), reason=reason))
            continue
        changed[layer.name] = _with_activation(layer, to)
        swapped.append(SwappedActivation(layer=layer.name, from_=str(found), to=str(to)))
    return Swap(graph.with_layers(changed), Activations(swapped=swapped, skipped=skipped))


def _activations(graph: Graph) -> Iterator[tuple[Layer, Activation]]:
    for layer in graph.layers.values():
        found = layer.activation or layer.inner_activation
        if found is not None:
            yield layer, found


def _with_activation(layer: Layer, to: Activation) -> Layer:
    if layer.activation is not None:
        return activation_layer(layer.name, to, dtype=layer.config.get("dtype", "float32"), trainable=layer.trainable)
    key = "activation" if "activation" in layer.config else ACTIVATION_ATTRIBUTE
    return replace(layer, config={**layer.config, key: {"catalog": str(to)}})


def _protected(graph: Graph) -> dict[str, str]:
    """Layers that stay unless named, each with the reason."""
    consumers = graph.consumers()
    outputs = {ref.node for ref in graph.outputs}
    reaching = _reaching_an_output(graph)
    reasons = {}
    for node in graph.nodes:
        layer = graph.layers[node.layer]
        if (layer.activation or layer.inner_activation) is None:
            continue
        if node.name in outputs:
            reasons[layer.name] = "it is the model's output"
        elif node.name in reaching:
            reasons[layer.name] = "it is a model's output: only layers that change the shape follow"
        elif layer.activation is not None and _is_gate(node, graph, consumers):
            reasons[layer.name] = "it is the gate of a squeeze-and-excite block"
    return reasons


# Layers and bare operations that give the values they read, all or some of them, in another shape or order.
_SHAPE_ONLY = {
    "Reshape", "Flatten", "Permute", "RepeatVector", "Concatenate", "Identity", "ActivityRegularization",
    "Cropping1D", "Cropping2D", "Cropping3D", "CenterCrop", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout",
    "GaussianNoise", "UpSampling1D",
}  # fmt: skip
_SHAPE_ONLY_OPERATIONS = {
    "reshape", "ravel", "transpose", "moveaxis", "swapaxes", "squeeze", "expand_dims", "concatenate", "stack",
    "unstack", "split", "slice", "strided_slice", "get_item", "getitem", "flip", "reverse", "tile", "repeat", "roll",
    "gather", "take", "pad", "identity", "stop_gradient", "depth_to_space", "space_to_depth", "broadcast_to", "copy",
    "hstack", "vstack", "array_split", "rot90", "ensure_shape", "boolean_mask",
}  # fmt: skip


def _reaching_an_output(graph: Graph) -> frozenset[str]:
    """Calls whose values are in an output of the model, perhaps in another shape or order."""
    outputs = {ref.node for ref in graph.outputs}
    readers = graph.consumers()
    found: set[str] = set()
    for node in reversed(graph.nodes):
        following = (reader for reader in readers[node.name] if _changes_only_shape(graph.layers[reader.layer]))
        if node.name in outputs or any(reader.name in found for reader in following):
            found.add(node.name)
    return frozenset(found)


def _changes_only_shape(layer: Layer) -> bool:
    if layer.activation is not None:
        return layer.activation.kind == "linear"
    if layer.class_name == "UpSampling2D":
        return layer.config.get("interpolation") == "nearest"
    if layer.class_name == OPERATION:
        return bool(operation_of(layer) in _SHAPE_ONLY_OPERATIONS)
    return layer.class_name in _SHAPE_ONLY and layer.python_class is None


def _is_gate(node: Node, graph: Graph, consumers: Mapping[str, tuple[Node, ...]]) -> bool:
    """Whether the activation does nothing but scale another tensor, which is not its own input."""
    following = consumers[node.name]
    return bool(following) and all(
        graph.layers[after.layer].class_name == "Multiply" and not set(after.refs()) & set(node.refs())
        for after in following
    )


def _foreign(graph: Graph) -> list[SkippedActivation]:
    """Activations that Keras has and the catalog has not; softmax is no elementwise function and is not meant."""
    found = []
    for layer in graph.layers.values():
        name = layer.config.get("activation", layer.class_name)
        name = str(name["catalog"] if isinstance(name, Mapping) and "catalog" in name else name)
        if layer.class_name in ("Activation", "ReLU", "LeakyReLU", "PReLU", "ThresholdedReLU"):
            reason = "the catalog does not hold it"
            found.append(SkippedActivation(layer=layer.name, activation=name, reason=reason))
        elif layer.class_name in ("SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"):
            reason = f"it is inside the recurrent layer {layer.class_name}"
            found.append(SkippedActivation(layer=layer.name, activation=name, reason=reason))
    return found
