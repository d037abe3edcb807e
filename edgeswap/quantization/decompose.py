"""One layer, one int8 operator: layers that the converter computes in several are written as several.

Between the operators of one layer lies a tensor that no fake-quant can reach, so its scale would be left to the
converter. Every step keeps the function, to float32's rounding.

    SeparableConv1D, 2D          DepthwiseConv1D -> Conv1D, DepthwiseConv2D -> Conv2D
    Add of n tensors             n - 1 Adds of two
    elu(x, alpha), alpha != 1    elu(x) -> LeakyReLU(alpha)
    AveragePooling2D of all      GlobalAveragePooling2D: see `whole_image`
    Dense -> BatchNormalization  Dense: a scale of its own for each unit would break the one scale of its weights
    BatchNormalization alone     DepthwiseConv2D, 1x1: one operator with 32-bit offsets instead of MUL and ADD
                                 (both over the last axis alone, see `normalizes_channels`)
    clipped by its range, or an
    ELU, into a Concatenate      a rescaling between: a concat's inputs have its scale, which would take the clip away
    ELU -> Flatten, Reshape, Permute, Dense over more axes than one
                                 a rescaling between: the converter moves fake-quants behind a reshape
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgeswap.activations.catalog import Activation
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.ir import Graph, Layer, Node, Ref, Shape, map_refs
from edgeswap.quantization.specification import rule_of
from edgeswap.quantization.whole_image import means_of_whole_images

Floats = npt.NDArray[np.float32]

# Their int8 form is a float island, which its own fake-quant must close.
_ISLANDS = ("elu", "clipped_elu")
_RESHAPING = ("Flatten", "Reshape", "Permute")

# The slope of a LeakyReLU that only rescales: at 1 the converter would take it out. `tflite.requantize` knows it.
ALMOST_ONE = float(np.nextafter(np.float32(1), np.float32(0)))


def decompose(graph: Graph) -> Graph:
    """The same function with at most one int8 operator a layer, as far as the table above reaches.

    The last of several layers keeps the name of the one they replace; in front of it stand `<name>_depthwise`,
    `<name>_elu` or `<name>_sum1`, … A batch normalization that is folded away leaves a `linear` layer of its name. A
    rescaling is called `<name>_rescaled`.

    Args:
        graph: canonical, with weights.
    """
    own_scale = {
        name for name, layer in graph.layers.items() if layer.activation and _needs_own_scale(layer.activation)
    }
    return _rescaled(_pairwise(_chained(_batch_norms_folded(means_of_whole_images(_simplified(graph))))), own_scale)


def _needs_own_scale(activation: Activation) -> bool:
    """Whether an activation cannot do with the scale of a concat: its range clips, or it is an island around an ELU."""
    return activation.parameters.get("max_value") is not None or activation.kind in ("elu", "pact")


def _simplified(graph: Graph) -> Graph:
    """Activations by the plainest kind that is the same function; what was learned is constant from here on."""
    plainer = {}
    for name, layer in graph.layers.items():
        if layer.activation is not None:
            simplified = layer.activation.simplified(layer.weights)
            if simplified != layer.activation:
                plainer[name] = activation_layer(name, simplified, trainable=layer.trainable)
    return graph.with_layers(plainer)


def _pairwise(graph: Graph) -> Graph:
    layers = dict(graph.layers)
    nodes: list[Node] = []
    for node in graph.nodes:
        refs = node.refs()
        if graph.layers[node.layer].class_name not in ("Add", "Multiply") or len(refs) < 3:
            nodes.append(node)
            continue
        total, shape = refs[0], graph.shape(refs[0])
        for index, ref in enumerate(refs[1:-1], start=1):
            name = f"{node.name}_sum{index}"
            layers[name] = replace(graph.layers[node.layer], name=name)
            shape = _merged(shape, graph.shape(ref))
            nodes.append(Node(name, name, ([total, ref],), shapes=() if shape is None else (shape,)))
            total = Ref(name)
        nodes.append(replace(node, args=([total, refs[-1]],)))
    return replace(graph, layers=layers, nodes=tuple(nodes))


def _merged(one: Shape | None, other: Shape | None) -> Shape | None:
    """Shape of a sum or product of two tensors of one rank, as Keras broadcasts them; None where it is not known."""
    if one is None or other is None or len(one) != len(other):
        return None
    return tuple(b if a == 1 else a if b in (1, a) else None for a, b in zip(one, other, strict=True))


def _chained(graph: Graph) -> Graph:
    """Each layer that is two in a row, written as two at every call."""
    chains = {name: chain for name, layer in graph.layers.items() if (chain := _chain(layer)) is not None}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.layer in chains:
            first, _ = chains[node.layer]
            name = first.name + node.name.removeprefix(node.layer)
            nodes.append(replace(node, name=name, layer=first.name, shapes=_shapes_between(first, node.shapes)))
            nodes.append(Node(node.name, node.layer, (Ref(name),), shapes=node.shapes))
        else:
            nodes.append(node)
    layers = dict(graph.layers)
    for first, last in chains.values():
        layers |= {first.name: first, last.name: last}
    return replace(graph, layers=layers, nodes=tuple(nodes))


def _rescaled(graph: Graph, own_scale: Collection[str]) -> Graph:
    """A rescaling between each call of these layers and those readers that would take its scale; others stay."""
    surroundings = _Surroundings(graph)
    layers = dict(graph.layers)
    nodes: list[Node] = []

    def parts(source: Node, reader: Node) -> bool:
        activation = graph.layers[source.layer].activation
        if activation is None or source.layer not in own_scale:
            return False
        return reader.name in surroundings.hands_on_to_concat or (
            activation.kind in _ISLANDS and reader.name in surroundings.moves_values
        )

    def behind(source: Node) -> str:
        return f"{source.layer}_rescaled{source.name.removeprefix(source.layer)}"

    for node in graph.nodes:

        def reads(ref: Ref, reader: Node = node) -> Ref:
            source = graph.node(ref)
            return Ref(behind(source)) if parts(source, reader) else ref

        nodes.append(replace(node, args=map_refs(node.args, reads)))
        if any(parts(node, reader) for reader in surroundings.readers[node.name]):
            name = f"{node.layer}_rescaled"
            layers[name] = Layer(name, "LeakyReLU", {"negative_slope": ALMOST_ONE})
            nodes.append(Node(behind(node), name, (Ref(node.name),), shapes=node.shapes))
    return replace(graph, layers=layers, nodes=tuple(nodes))


def _chain(layer: Layer) -> tuple[Layer, Layer] | None:
    activation = layer.activation
    if activation is not None and activation.parameters.get("alpha", 1.0) != 1.0:
        alpha = activation.parameters["alpha"]
        rest = {name: value for name, value in activation.parameters.items() if name != "alpha"}
        if rest.get("min_value") is not None:
            rest["min_value"] /= alpha  # the slope comes after this clip
        slope = {"negative_slope": alpha}
        return activation_layer(
            f"{layer.name}_elu", Activation(activation.kind, rest), trainable=layer.trainable
        ), replace(layer, class_name="LeakyReLU", config=slope)
    if layer.class_name in _SEPARABLE and layer.config["padding"] != "causal":
        return _separable(layer, *_SEPARABLE[layer.class_name])
    return None


def _shapes_between(first: Layer, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """What the first of two layers gives to the last, which gives `shapes`: of a convolution other channels."""
    if first.activation is not None:
        return shapes
    channels = int(np.prod(first.weights[0].shape[-2:]))
    last = first.config["data_format"] == "channels_last"
    return tuple((*shape[:-1], channels) if last else (shape[0], channels, *shape[2:]) for shape in shapes)


# The depthwise and the pointwise convolution that it is; the former knows no causal padding.
_SEPARABLE = {
    "SeparableConv1D": ("DepthwiseConv1D", "Conv1D", (1,)),
    "SeparableConv2D": ("DepthwiseConv2D", "Conv2D", (1, 1)),
}


def _separable(layer: Layer, depthwise: str, pointwise: str, one: tuple[int, ...]) -> tuple[Layer, Layer]:
    config, shared = layer.config, {"data_format": layer.config["data_format"], "dtype": layer.config["dtype"]}
    spatial = {key: config[key] for key in ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")}
    first = Layer(
        f"{layer.name}_depthwise",
        depthwise,
        {**spatial, **shared, "use_bias": False, "depthwise_regularizer": config.get("depthwise_regularizer")},
        layer.weights[:1],
        layer.trainable,
    )
    rest = {"kernel_regularizer": config.get("pointwise_regularizer"), "use_bias": config["use_bias"]}
    last = Layer(
        layer.name,
        pointwise,
        {**shared, **rest, "filters": config["filters"], "kernel_size": one},
        layer.weights[1:],
        layer.trainable,
    )
    return first, last


def _batch_norms_folded(graph: Graph) -> Graph:
    changed: dict[str, Layer] = {}
    for layer in graph.layers.values():
        if layer.class_name != "BatchNormalization" or not normalizes_channels(graph, layer):
            continue
        read = _read_by(graph, layer)
        if folds_into(graph, layer):
            before = graph.layer_of(read[0])
            if before.class_name == "Dense":
                changed[before.name] = _folded_into(before, layer)
                changed[layer.name] = activation_layer(layer.name, Activation("linear"), trainable=layer.trainable)
        elif all(_rank(graph, ref) == 4 for ref in read):
            changed[layer.name] = _as_depthwise(layer)
    return graph.with_layers(changed)


def folds_into(graph: Graph, batch_norm: Layer) -> bool:
    """Whether the layer before each of its calls takes it on, so that it is no operator of its own."""
    sources = [graph.node(ref) for ref in _read_by(graph, batch_norm)]
    if not all(has_one_reader(graph, source) for source in sources):
        return False
    before = [graph.layer_of(source) for source in sources]
    is_of_dense = [layer.class_name for layer in before] == ["Dense"] and len(graph.calls(before[0].name)) == 1
    return is_of_dense or {layer.class_name for layer in before} <= _FOLDED_BY_CONVERTER


def _read_by(graph: Graph, layer: Layer) -> list[Ref]:
    return [ref for node in graph.calls(layer.name) for ref in node.refs()]


def has_one_reader(graph: Graph, node: Node) -> bool:
    """Whether one call reads this output, and it does not leave the model."""
    return len(graph.consumers()[node.name]) == 1 and all(ref.node != node.name for ref in graph.outputs)


def normalizes_channels(graph: Graph, batch_norm: Layer) -> bool:
    """Whether a batch normalization has one scale for each place on the last axis, which a layer before can take on."""
    axis = batch_norm.config["axis"]
    if not isinstance(axis, int):  # Keras 2 takes several
        return False
    ranks = {_rank(graph, ref) for node in graph.calls(batch_norm.name) for ref in node.refs()}
    return axis == -1 or (None not in ranks and {axis + 1} == ranks)


def _rank(graph: Graph, ref: Ref) -> int | None:
    shape = graph.shape(ref)
    return None if shape is None else len(shape)


_FOLDED_BY_CONVERTER = {"Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "SeparableConv2D"}


def scale_and_offset(layer: Layer) -> tuple[Floats, Floats]:
    """A batch normalization as y = x * scale + offset, each of shape (channels,), float32."""
    weights = list(layer.weights)
    gamma = weights.pop(0) if layer.config["scale"] else np.float32(1)
    beta = weights.pop(0) if layer.config["center"] else np.float32(0)
    mean, variance = weights
    scale = gamma / np.sqrt(variance + np.float32(layer.config["epsilon"]))
    return np.asarray(scale, np.float32), np.asarray(beta - mean * scale, np.float32)


def _folded_into(dense: Layer, batch_norm: Layer) -> Layer:
    scale, offset = scale_and_offset(batch_norm)
    bias = dense.weights[1] * scale + offset if dense.config["use_bias"] else offset
    return replace(dense, config={**dense.config, "use_bias": True}, weights=(dense.weights[0] * scale, bias))


def _as_depthwise(batch_norm: Layer) -> Layer:
    return one_tap(batch_norm, *scale_and_offset(batch_norm))


def one_tap(layer: Layer, scale: Floats, offset: Floats) -> Layer:
    """A depthwise layer of images that multiplies each channel and adds to it, (channels,), for `layer`."""
    sizes = {"kernel_size": (1, 1), "strides": (1, 1), "dilation_rate": (1, 1), "depth_multiplier": 1}
    how = {"padding": "valid", "data_format": "channels_last", "use_bias": True, "dtype": layer.config["dtype"]}
    kernel = scale[None, None, :, None]
    return Layer(layer.name, "DepthwiseConv2D", {**sizes, **how}, (kernel, offset), layer.trainable)


@dataclass(frozen=True, eq=False)
class _Surroundings:
    graph: Graph

    @property
    def readers(self) -> Mapping[str, Sequence[Node]]:
        return self.graph.consumers()

    @cached_property
    def hands_on_to_concat(self) -> frozenset[str]:
        """Calls that are a concat, or keep the scale of what they read and a concat reads that."""
        found: set[str] = set()
        for node in reversed(self.graph.nodes):
            layer = self.graph.layers[node.layer]
            rule = rule_of(layer)
            keeps_scale = rule is not None and rule.output is None
            handed_on = keeps_scale and any(reader.name in found for reader in self.readers[node.name])
            if layer.class_name == "Concatenate" or handed_on:
                found.add(node.name)
        return frozenset(found)

    @cached_property
    def moves_values(self) -> frozenset[str]:
        """Calls that begin with a reshape, or that the converter removes and such a one reads what they read."""
        found: set[str] = set()
        for node in reversed(self.graph.nodes):
            layer = self.graph.layers[node.layer]
            rule = rule_of(layer)
            if layer.class_name == "Dense":  # over more axes than one it is a product of matrices, reshaped
                moves = _rank(self.graph, node.refs()[0]) != 2
            else:
                removed = rule is not None and rule.identity
                passed_on = removed and any(reader.name in found for reader in self.readers[node.name])
                moves = layer.class_name in _RESHAPING or passed_on
            if moves:
                found.add(node.name)
        return frozenset(found)
