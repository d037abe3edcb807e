"""Channels of a group multiplied in the layers that write them, and divided in those that read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Layer
from edgeswap.quantization.channel_groups import DEPTHWISE, INPUT_AXES, ChannelGroup
from edgeswap.quantization.folding import OUTPUT_AXES

Floats = npt.NDArray[np.floating[Any]]


def with_scaled_channels(layers: Mapping[str, Layer], group: ChannelGroup, factors: Floats) -> dict[str, Layer]:
    """The writers and readers of a group, whose function together stays as it was to float32's rounding.

    Args:
        layers: by name, at least those of the group.
        group: from `channel_groups`.
        factors: positive, (channels,): what each channel is multiplied by.
    """
    written = {name: scaled_outputs(layers[name], factors.astype(np.float32)) for name in group.writers}
    inverse = (1 / factors).astype(np.float32)
    return written | {name: _read({**layers, **written}[name], inverse) for name in group.readers}


def output_axis(layer: Layer) -> int:
    """The axis of a kernel along which the channels are that it writes."""
    return OUTPUT_AXES[layer.class_name][0]  # of a depthwise kernel of one output a channel, that channel


def input_axis(layer: Layer) -> int:
    """The axis of a kernel along which the channels are that it reads."""
    return OUTPUT_AXES[layer.class_name][0] if layer.class_name in DEPTHWISE else INPUT_AXES[layer.class_name]


def scaled_outputs(layer: Layer, factors: Floats) -> Layer:
    """The layer with each channel that it gives multiplied by its factor, (channels,).

    A batch normalization has to have both of its weights that are trained, gamma and beta.
    """
    if layer.class_name == "BatchNormalization":
        gamma, beta, *moments = layer.weights
        return replace(layer, weights=(gamma * factors, beta * factors, *moments))
    kernel = _scaled(layer, output_axis(layer), factors)
    return replace(layer, weights=(kernel, *(bias * factors for bias in layer.weights[1:])))


def _read(layer: Layer, factors: Floats) -> Layer:
    return replace(layer, weights=(_scaled(layer, input_axis(layer), factors), *layer.weights[1:]))


def _scaled(layer: Layer, axis: int, factors: Floats) -> Floats:
    kernel = layer.weights[0]
    scaled: Floats = kernel * factors.reshape([-1 if index == axis else 1 for index in range(kernel.ndim)])
    return scaled
