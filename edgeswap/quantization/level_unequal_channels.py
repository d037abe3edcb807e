"""Channels of very unequal size made alike before any method begins, where one int8 scale for them costs a bit.

Equalization of every group moves each weight a little and wins next to nothing in most networks, so it is a rung of
`--method auto`. But a tensor with one channel thirty times as large as the others has few steps left for these, and no
choice of ranges brings them back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Graph, Layer
from edgeswap.quantization.channel_groups import DEPTHWISE, ChannelGroup, channel_groups
from edgeswap.quantization.channel_scaling import input_axis, with_scaled_channels
from edgeswap.quantization.channel_sizes import channel_sizes
from edgeswap.quantization.equalization import step_to_alike
from edgeswap.quantization.folding import OUTPUT_AXES, fold_batch_norms
from edgeswap.quantization.specification import WEIGHT_STEPS

Floats = npt.NDArray[np.floating[Any]]

LEAST_GAIN_DB = 6.0  # one bit, in the mean of what the readers give
SCREENED_DB = 2.0  # by what batch normalizations say of their channels, before any sample is run
SAMPLES = 64  # tell the size of a channel
PEAK = 4.0  # largest value by root mean square: a normal distribution's of some thousand values
STEPS = 255.0  # of an int8 range
FLOOR = 1e-4  # of the largest channel: what is smaller may be silence


def level_unequal_channels(graph: Graph, samples: Sequence[npt.NDArray[np.float32]]) -> Graph:
    """The same function, to float32's rounding, with channels of a group made alike where that saves a bit.

    What is saved is the error of rounding a tensor with one scale, and the weights that read it, beside the signal of
    each channel that a reader gives; the mean is over these channels, in dB. Weights have a scale for each output
    channel. A channel that a batch normalization writes is multiplied there, so it is still trained as one.

    Args:
        graph: canonical, with weights; the same graph comes back where no group gains `LEAST_GAIN_DB`.
        samples: the representative dataset: one array (N, ...) for each model input, float32, preprocessed.
    """
    folded = fold_batch_norms(graph)
    writing = _writing_batch_norms(graph, folded)
    groups = [group for group in channel_groups(folded) if _may_gain(graph, folded, group, writing)]
    if not groups:
        return graph
    rows = np.linspace(0, len(samples[0]) - 1, min(len(samples[0]), SAMPLES)).round().astype(int)
    tensors = dict.fromkeys(name for group in groups for name in group.tensors)
    sizes = channel_sizes(folded, tensors, [array[rows] for array in samples])
    decided, layers = dict(folded.layers), dict(graph.layers)
    for group in groups:
        if _gain_db(folded, decided, group, sizes) >= LEAST_GAIN_DB:
            factors = np.exp(-step_to_alike(decided, group, sizes))
            decided |= with_scaled_channels(decided, group, factors)
            written = tuple(writing.get(name, name) for name in group.writers)
            layers |= with_scaled_channels(layers, replace(group, writers=written), factors)
    return graph.with_layers(layers) if layers != graph.layers else graph


def _writing_batch_norms(graph: Graph, folded: Graph) -> dict[str, str]:
    """Name of each layer that took on a batch normalization to the name of that."""
    gone = [name for name, layer in graph.layers.items() if layer.class_name != folded.layers[name].class_name]
    return {graph.node(graph.calls(name)[0].refs()[0]).layer: name for name in gone}


def _may_gain(graph: Graph, folded: Graph, group: ChannelGroup, writing: Mapping[str, str]) -> bool:
    """Whether the group can be scaled in `graph`, and what batch normalizations tell of its sizes, if they do, is far.

    Samples are run for the rest alone: most networks have none.
    """
    norms = [graph.layers[writing[writer]] for writer in group.writers if writer in writing]
    if not all(norm.config["scale"] and norm.config["center"] for norm in norms):
        return False  # no weights that could be multiplied
    if len(norms) < len(group.writers):
        return True
    told = [np.abs(beta) + PEAK * np.abs(gamma) for gamma, beta, *_ in (norm.weights for norm in norms)]
    sizes = dict.fromkeys(group.tensors, np.sqrt(np.sum(np.square(told), axis=0)))
    return _gain_db(folded, folded.layers, group, sizes) >= SCREENED_DB


def _gain_db(graph: Graph, layers: Mapping[str, Layer], group: ChannelGroup, sizes: Mapping[str, Floats]) -> float:
    """How much nearer to float what the readers give would be, in the mean of their channels."""
    factors = np.exp(-step_to_alike(layers, group, sizes))
    alike = {name: sizes[name] * factors for name in group.tensors}
    scaled = with_scaled_channels(layers, group, factors)
    gains = []
    for name in group.readers:
        tensor = graph.calls(name)[0].refs()[0].node
        gains.append(_noise_db(layers[name], sizes[tensor]) - _noise_db(scaled[name], alike[tensor]))
    return float(np.mean(np.concatenate(gains)))


def _noise_db(reader: Layer, sizes: Floats) -> Floats:
    """Error of rounding by the signal of each channel that a reader gives, dB.

    Args:
        reader: its weights have a scale for each output channel.
        sizes: the largest magnitude in each channel that it reads, (channels,).
    """
    largest = sizes.max(initial=np.finfo(np.float32).tiny)
    read = np.square(np.maximum(sizes, FLOOR * largest) / PEAK)
    rounded = np.square(2 * largest / STEPS) / 12
    if reader.class_name in DEPTHWISE:
        return _db(rounded / read)  # that of its weights is the same, however large the channel is
    axis, (output,) = input_axis(reader), OUTPUT_AXES[reader.class_name]
    kernel = np.moveaxis(reader.weights[0].astype(np.float64), (axis, output), (0, -1))
    kernel = kernel.reshape(kernel.shape[0], -1, kernel.shape[-1])  # inputs, taps, outputs
    kernel = kernel[:, :, kernel.any(axis=(0, 1))]
    weights = np.square(np.abs(kernel).max(axis=(0, 1)) / WEIGHT_STEPS) / 12
    squares = np.square(kernel).sum(axis=1)
    noise = rounded * squares.sum(axis=0) + weights * kernel.shape[1] * read.sum()
    return _db(noise / (read @ squares))


def _db(ratio: Floats) -> Floats:
    logarithm: Floats = 10 * np.log10(ratio)
    return logarithm
