"""A placed graph to a tf_keras model with tfmot's fake-quant: the simulation of the int8 model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from edgeswap.activations.catalog import Activation
from edgeswap.errors import ModelError
from edgeswap.frameworks import tf, tf_keras, tfmot
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.clone import clone
from edgeswap.graph.ir import Graph
from edgeswap.graph.layer_names import given_names
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.quantizers import LayerQuantizers, OutputQuantizer
from edgeswap.quantization.range_relu import left_to_range
from edgeswap.quantization.ranges import Ends


def quantize(placement: Placement, ranges: Mapping[str, Ends]) -> Any:
    """The fake-quant model of `placement`: as it is for PTQ, a start for QAT.

    Every layer that carries fake-quant is wrapped in tfmot's `QuantizeWrapperV2` with a QuantizeConfig of our own and
    keeps its name. tfmot's `quantize_apply` ends in the same wrapper, by way of three clones of the model and a
    registry and layout transforms that a placement leaves nothing to decide.

    An activation with a ceiling becomes one without, and its range clips: a clipped ELU an ELU. Outside of its range a
    fake-quant passes no gradient, as the minimum would; a minimum would be an operator of its own, and the converter
    fails on one between an ELU and a fake-quant.

    Args:
        placement: from `place`; its graph has the weights to start from.
        ranges: layer name to both ends of the range of its output, from `resolve`; for every output of the placement.

    Returns:
        A tf_keras model of the same inputs and outputs, float32. With `training=True` the ends of ranges that are not
        fixed follow the batches or the gradient.

    Raises:
        ModelError: a layer with fake-quant is given a mask.
    """
    layers = {
        name: LayerQuantizers(
            placement.weights.get(name, ()),
            None if ends is None else OutputQuantizer(ends.low, ends.high, least=ends.least),
        )
        for name in {*placement.weights, *placement.outputs}
        for ends in [ranges.get(name)]
    }

    return insert(_without_ceilings(placement), layers)


def insert(graph: Graph, layers: Mapping[str, LayerQuantizers]) -> Any:
    """The tf_keras model of `graph` with fake-quants.

    Args:
        graph: with the weights to start from.
        layers: layer name to its quantizers; a layer not named has none.

    Raises:
        ModelError: a layer with fake-quant is given a mask.
    """
    given = given_names(graph)

    def wrap(layer: Any) -> Any:
        config = layers.get(given.get(layer.name, layer.name))
        if config is None:
            return layer
        layer = left_to_range(layer, config.output)
        return tfmot.quantization.keras.QuantizeWrapperV2(layer, config, name_prefix="")

    # The model is fresh from `build`, so its layers, which have their weights, may go into the new one.
    model = build(graph, tf_keras)
    _refuse_masks(model, {built for built, name in given.items() if name in layers})
    return clone(model, wrap)


def _refuse_masks(model: Any, wrapped: Collection[str]) -> None:
    """tfmot's wrapper hands a mask on to its layer, which Keras itself does only where the layer takes one."""
    masking = [layer for layer in model.layers if _is_masked(layer.output)]
    reached = [layer for layer in model.layers if layer.name in wrapped and _is_masked(layer.input)]
    if masking and reached:
        raise ModelError(
            f"Expected a model without masks, got one from layer {masking[0].name!r} ({type(masking[0]).__name__}), "
            f"which reaches {reached[0].name!r} ({type(reached[0]).__name__}).",
            f"Leave {masking[0].name!r} out: an int8 model runs on one length, to which an app pads its input.",
        )


def _is_masked(tensors: Any) -> bool:
    return any(getattr(tensor, "_keras_mask", None) is not None for tensor in tf.nest.flatten(tensors))


def _without_ceilings(placement: Placement) -> Graph:
    """The graph with every activation that its range clips as one without a ceiling."""
    layers = {name: placement.graph.layers[name] for name in placement.clipped}
    return placement.graph.with_layers(
        {
            name: activation_layer(name, _unclipped(layer.activation), trainable=layer.trainable)
            for name, layer in layers.items()
            if layer.activation is not None
        }
    )


def _unclipped(activation: Activation) -> Activation:
    match activation.kind:
        case "clipped_elu":
            return Activation("elu", {"alpha": activation.parameters["alpha"]})
        case "relu_n" | "relu6" | "pact":
            return Activation("relu")
        case kind:
            return Activation(kind, {**activation.parameters, "max_value": None})
