"""A placed graph to a tf_keras model with tfmot's fake-quant: the simulation of the int8 model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeswap.activations.catalog import Activation
from edgeswap.errors import ModelError
from edgeswap.frameworks import tf_keras, tfmot
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.ir import Graph
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.quantizers import LayerQuantizers, OutputQuantizer


def quantize(placement: Placement, ranges: Mapping[str, tuple[float, float]]) -> Any:
    """The fake-quant model of `placement`: as it is for PTQ, a start for QAT.

    Every layer that carries fake-quant is wrapped in tfmot's `QuantizeWrapperV2` with a QuantizeConfig of our own and
    keeps its name. tfmot's `quantize_apply` ends in the same wrapper, by way of three clones of the model and a
    registry and layout transforms that a placement leaves nothing to decide.

    A clipped ELU becomes an ELU, and its fixed range [-alpha, max_value] clips: outside of it a fake-quant passes no
    gradient, as the minimum would, and the converter fails on a minimum between an ELU and a fake-quant.

    Args:
        placement: from `place`; its graph has the weights to start from.
        ranges: layer name to the lowest and highest value of its output seen on data, from `observe`; for every output
            whose range is not fixed.

    Returns:
        A tf_keras model of the same inputs and outputs, float32. With `training=True` the observed ranges follow the
        batches.

    Raises:
        ModelError: an output without a fixed range has none in `ranges`.
    """
    missing = [name for name, output in placement.outputs.items() if not output.fixed and name not in ranges]
    if missing:
        raise ModelError(
            f"Expected an observed range for every output that has no fixed one, got none for {', '.join(missing)}.",
            "Observe them on representative data first.",
        )
    layers = {name: _quantizers(placement, name, ranges) for name in {*placement.weights, *placement.outputs}}

    def wrap(layer: Any) -> Any:
        config = layers.get(layer.name)
        return layer if config is None else tfmot.quantization.keras.QuantizeWrapperV2(layer, config, name_prefix="")

    graph = _without_ceilings(placement.graph)
    # The model is fresh from `build`, so its layers, which have their weights, may go into the new one.
    return tf_keras.models.clone_model(build(graph, tf_keras), clone_function=wrap)


def _without_ceilings(graph: Graph) -> Graph:
    """The graph with every clipped ELU an ELU."""
    unclipped = {}
    for name, layer in graph.layers.items():
        if layer.activation is not None and layer.activation.kind == "clipped_elu":
            parameters = {"alpha": layer.activation.parameters["alpha"]}
            unclipped[name] = activation_layer(name, Activation("elu", parameters), trainable=layer.trainable)
    return graph.with_layers(unclipped)


def _quantizers(placement: Placement, name: str, ranges: Mapping[str, tuple[float, float]]) -> LayerQuantizers:
    output = placement.outputs.get(name)
    start = ranges.get(name, (0.0, 0.0))
    quantizer = None if output is None else OutputQuantizer(output.low, output.high, start)
    return LayerQuantizers(placement.weights.get(name, ()), quantizer)
