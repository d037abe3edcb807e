"""Batch normalizations written into the weights before them, so that one layer has all that one int8 operator has.

The converter does the same later. It has to be done before where a weight tensor has one scale: that scale is of the
weights as they are after folding. It also gives every layer a bias, which can take on a correction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgeswap.activations.catalog import Activation
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.ir import Graph, Layer
from edgeswap.quantization.decompose import has_one_reader, normalizes_channels, scale_and_offset

# Where the channels of the output lie in the last weight before the bias: axes of Keras kernels.
OUTPUT_AXES: Mapping[str, tuple[int, ...]] = {
    "Conv1D": (2,),
    "Conv2D": (3,),
    "SeparableConv1D": (2,),
    "SeparableConv2D": (3,),
    "Conv2DTranspose": (2,),
    "DepthwiseConv1D": (1, 2),
    "DepthwiseConv2D": (2, 3),
    "Dense": (1,),
}


def fold_batch_norms(graph: Graph) -> Graph:
    """The same function, to float32's rounding, with every batch normalization gone that a layer before can take on.

    That layer is called once, nothing else reads it, and it has weights of `OUTPUT_AXES`. It gets a bias; of the batch
    normalization a `linear` layer of its name is left.

    Args:
        graph: canonical, with weights.
    """
    changed: dict[str, Layer] = {}
    for layer in graph.layers.values():
        calls = graph.calls(layer.name)
        if layer.class_name != "BatchNormalization" or len(calls) != 1 or not normalizes_channels(graph, layer):
            continue
        source = graph.node(calls[0].refs()[0])
        before = graph.layers[source.layer]
        alone = has_one_reader(graph, source) and len(graph.calls(before.name)) == 1
        if before.class_name not in OUTPUT_AXES or not alone:
            continue
        changed[before.name] = _folded(before, layer)
        changed[layer.name] = activation_layer(layer.name, Activation("linear"), trainable=layer.trainable)
    return graph.with_layers(changed)


def _folded(layer: Layer, batch_norm: Layer) -> Layer:
    scale, offset = scale_and_offset(batch_norm)
    *first, kernel = layer.weights[:-1] if layer.config["use_bias"] else layer.weights
    axes = OUTPUT_AXES[layer.class_name]
    shape = [size if axis in axes else 1 for axis, size in enumerate(kernel.shape)]
    bias = layer.weights[-1] * scale + offset if layer.config["use_bias"] else offset
    channels = int(np.prod(shape))
    weights = (*first, kernel * np.broadcast_to(scale, channels).reshape(shape), np.broadcast_to(bias, channels))
    return replace(layer, config={**layer.config, "use_bias": True}, weights=weights)
