"""Layer normalizations in steps of which int8 keeps more: the sum of squares is rounded once.

The converter writes one as MEAN, SQUARED_DIFFERENCE, MEAN, ADD, RSQRT and five more. Squares of one scale have no steps
left for rows of small variance: a ViT of seven normalizations had 18 dB where all of its other operators left 31. A
BATCH_MATMUL of each row with itself adds its squares up in 32 bits (28 dB), and there are fewer operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Graph, Layer, Node, Ref, Shape
from edgeswap.quantization.attention_parts import attention_parts
from edgeswap.quantization.decompose import one_tap

Floats = npt.NDArray[np.float32]
Step = tuple[Layer, Node]

_PRODUCTS = ("EinsumDense", "MultiHeadAttention")
_OF_IMAGES = 4  # dimensions; of others the converter reshapes before and behind a depthwise layer


def part_layer_normalizations(graph: Graph) -> Graph:
    """The same function, to float32's rounding, with each layer normalization over the last axis in its steps.

    Those are `<name>/mean`, `<name>/centered`, `<name>/squares`, `<name>/variance` (n times as large for n features,
    with epsilon), `<name>/inverse` and their product, which is the result over sqrt(n). What is left to do, gamma times
    sqrt(n) and beta, the layers that read it take into their weights where all of them can; else there is a depthwise
    layer of one tap behind `<name>/product`, or for what is no image `<name>/scaled` and an addition. The last of these
    has the old name, and tensors of all are found by it.

    Whole stays what is called twice, normalizes other axes, or is read by an EinsumDense or by an attention without
    biases: the converter moves the addition into their product and cannot run what it made then.

    Args:
        graph: canonical, with weights; the same graph comes back where it has none.
    """
    layers = dict(graph.layers)
    nodes: list[Node] = []
    for node in graph.nodes:
        layer, shape = graph.layers[node.layer], graph.shape(Ref(node.name)) or ()
        steps: list[Step] = []
        if _is_over_features(graph, layer, shape):
            features = _Features.of(layer, shape)
            readers = _taking_on(graph, layers, node, features)
            if readers is not None:
                steps = _steps(node, layer, shape)
                layers |= readers
            elif not any(layers[reader.layer].class_name in _PRODUCTS for reader in graph.consumers()[node.name]):
                steps = [*_steps(node, layer, shape, "/product"), *_scaled_and_shifted(node, layer, shape, features)]
        layers |= {step.name: step for step, _ in steps}
        nodes += [call for _, call in steps] or [node]
    return replace(graph, layers=layers, nodes=tuple(nodes)) if len(nodes) > len(graph.nodes) else graph


def _is_over_features(graph: Graph, layer: Layer, shape: Shape) -> bool:
    """Whether a layer normalizes the last axis alone, at one place of the model."""
    if layer.class_name != "LayerNormalization" or layer.config.get("rms_scaling") or len(graph.calls(layer.name)) > 1:
        return False
    axis = layer.config["axis"]
    axes = {other % len(shape) for other in ([axis] if isinstance(axis, int) else axis)}
    return axes == {len(shape) - 1} and shape[-1] is not None


@dataclass(frozen=True, eq=False)
class _Features:
    """What a normalized value is multiplied by and what is added, (n,): the former is sqrt(n) times gamma."""

    scale: Floats
    offset: Floats

    @staticmethod
    def of(layer: Layer, shape: Shape) -> _Features:
        weights, count = list(layer.weights), int(shape[-1] or 1)
        gamma = weights.pop(0) if layer.config["scale"] else np.ones(count, np.float32)
        beta = weights.pop(0) if layer.config["center"] else np.zeros(count, np.float32)
        return _Features(_float32(gamma * np.sqrt(count)), beta)


def _steps(node: Node, layer: Layer, shape: Shape, last: str = "") -> list[Step]:
    """All but scale and offset; `last` is what the name of the product has behind it."""
    name, (read,), row = node.name, node.refs(), (*shape[:-1], 1)
    added = int(shape[-1] or 1) * layer.config["epsilon"]

    def step(suffix: str, class_name: str, args: Any, gives: Shape, **config: Any) -> Step:
        made = Layer(f"{name}{suffix}", class_name, {"dtype": layer.config["dtype"], **config})
        return made, Node(made.name, made.name, (args,), shapes=(gives,))

    mean, centered, squares, variance, inverse = (
        Ref(f"{name}/{part}") for part in ("mean", "centered", "squares", "variance", "inverse")
    )
    return [
        step("/mean", "EdgeswapMean", read, row),
        step("/centered", "Subtract", [read, mean], shape),
        step("/squares", "EdgeswapSumOfSquares", centered, row),
        step("/variance", "EdgeswapOffset", squares, row, offset=added),
        step("/inverse", "EdgeswapInverseRoot", variance, row),
        step(last, "Multiply", [centered, inverse], shape),
    ]


def _scaled_and_shifted(node: Node, layer: Layer, shape: Shape, features: _Features) -> list[Step]:
    product, dtype = Ref(f"{node.name}/product"), {"dtype": layer.config["dtype"]}
    if len(shape) == _OF_IMAGES:
        return [(one_tap(layer, features.scale, features.offset), replace(node, args=(product,), kwargs={}))]
    scaled = Ref(f"{node.name}/scaled")
    made = Layer(scaled.node, "EdgeswapScale", dtype, (features.scale,), layer.trainable)
    shift = replace(layer, class_name="EdgeswapShift", config=dtype, weights=(features.offset,))
    return [
        (made, Node(made.name, made.name, (product,), shapes=(shape,))),
        (shift, replace(node, args=(scaled,), kwargs={})),
    ]


def _taking_on(graph: Graph, layers: Mapping[str, Layer], node: Node, features: _Features) -> dict[str, Layer] | None:
    """The layers that read a call, with its scale and offset in their weights; None where one of them cannot."""
    found: dict[str, Layer] = {}
    readers = graph.consumers()[node.name]
    for reader in readers:
        layer = {**layers, **found}[reader.layer]
        if len(graph.calls(layer.name)) > 1 or not _can_take_on(layer):
            return None
        attends = layer.class_name == "MultiHeadAttention"
        found[layer.name] = _attending(layer, reader, node, features) if attends else _affine(layer, features)
    leaves = any(ref.node == node.name for ref in graph.outputs)
    return found if found and not leaves else None


def _can_take_on(layer: Layer) -> bool:
    """Whether a layer multiplies each feature that it reads by weights, with nothing else, such as padding, between."""
    config = layer.config
    match layer.class_name:
        case "Dense":
            return True
        case "Conv1D" | "Conv2D":
            unpadded = config["padding"] == "valid" or set(np.atleast_1d(config["kernel_size"])) == {1}
            return unpadded and config.get("groups", 1) == 1 and config["data_format"] == "channels_last"
        case "MultiHeadAttention":
            return bool(config["use_bias"]) and not config.get("use_gate")
    return False


def _affine(layer: Layer, features: _Features) -> Layer:
    """A kernel (..., n, units) and its bias, (units,)."""
    kernel, *bias = layer.weights
    added = np.tensordot(kernel, features.offset, axes=(-2, 0)).reshape(-1, kernel.shape[-1]).sum(axis=0)
    weights = (_float32(kernel * features.scale[:, None]), _float32(added + bias[0] if bias else added))
    return replace(layer, config={**layer.config, "use_bias": True}, weights=weights)


def _attending(layer: Layer, call: Node, node: Node, features: _Features) -> Layer:
    """Kernels (n, heads, size) of query, key and value, each with its bias, where `node` is what they are made of."""
    weights = list(layer.weights)
    for number, ref in enumerate(attention_parts(call).values()):
        if ref != Ref(node.name):
            continue
        place = 2 * number
        kernel, bias = weights[place : place + 2]
        weights[place] = _float32(kernel * features.scale[:, None, None])
        weights[place + 1] = _float32(bias + np.tensordot(features.offset, kernel, axes=(0, 0)))
    return replace(layer, weights=tuple(weights))


def _float32(values: Any) -> Floats:
    return np.asarray(values, np.float32)
