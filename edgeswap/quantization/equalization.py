"""Channels made alike across layers: what writers give in a channel is divided, what readers take is multiplied.

One int8 scale for a tensor suits channels of one size. Between two layers the size of a channel is free: a division of
it in one layer and a multiplication in the next leave the function as it is (Nagel et al., arXiv:1906.04721, for
weights; Xiao et al., SmoothQuant, arXiv:2211.10438, for activations). Each tensor with one scale for all channels of a
group wants them equal: the activation, the weights of each reader, and weights of a writer that have one scale for the
whole tensor. The factor of a channel is the geometric mean of what they want.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Graph, Layer
from edgeswap.quantization.channel_groups import DEPTHWISE, ChannelGroup, channel_groups
from edgeswap.quantization.channel_scaling import input_axis, output_axis, with_scaled_channels

Floats = npt.NDArray[np.floating[Any]]

ROUNDS = 10  # a depthwise kernel lies between two groups, which so settle together
# A channel is not told apart from silence below this share of the largest one: what it wants is not followed further.
FLOOR = 1e-4


def equalize(
    graph: Graph, sizes: Mapping[str, Floats], *, per_channel: bool = True, per_channel_dense: bool = True
) -> Graph:
    """The same function, to float32's rounding, with the channels of each group made alike.

    Args:
        graph: canonical, with batch normalizations folded.
        sizes: name of a node to the largest magnitude in each channel of what it gives, (channels,), on representative
            samples; for every node of a group, as from `channel_sizes`.
        per_channel: whether weights have a scale for each output channel, so that these want nothing.
        per_channel_dense: likewise of dense layers.
    """
    layers = dict(graph.layers)
    groups = channel_groups(graph)
    done = [np.zeros(group.channels) for group in groups]  # logarithm of what each channel was divided by
    scales = {"per_channel": per_channel, "per_channel_dense": per_channel_dense}
    for _ in range(ROUNDS):
        for index, group in enumerate(groups):
            step = step_to_alike(layers, group, sizes, done[index], **scales)
            done[index] += step
            layers |= with_scaled_channels(layers, group, np.exp(-step))
    return graph.with_layers(layers)


def step_to_alike(
    layers: Mapping[str, Layer],
    group: ChannelGroup,
    sizes: Mapping[str, Floats],
    done: Floats | float = 0.0,
    *,
    per_channel: bool = True,
    per_channel_dense: bool = True,
) -> Floats:
    """The logarithm of what each channel of a group is to be divided by, (channels,): the mean of what all want.

    Args:
        layers: by name, at least those of the group.
        group: from `channel_groups`.
        sizes: as for `equalize`.
        done: logarithm of what the channels were divided by since they had these sizes.
        per_channel: as for `equalize`.
        per_channel_dense: likewise.
    """
    wanted = [np.mean([np.log(_sized(sizes[name])) for name in group.tensors], axis=0) - done]
    for writer in (layers[name] for name in group.writers):
        if not (per_channel_dense if writer.class_name == "Dense" else per_channel):
            wanted.append(np.log(_sized(_by_channel(writer, output_axis(writer)))))
    for reader in (layers[name] for name in group.readers):
        if not (per_channel and reader.class_name in DEPTHWISE):
            wanted.append(-np.log(_sized(_by_channel(reader, input_axis(reader)))))
    step: Floats = np.mean([logs - logs.mean() for logs in wanted], axis=0)
    return step


def _sized(values: npt.ArrayLike) -> Floats:
    """Sizes of channels, none of them nearer to zero than can matter."""
    sizes = np.asarray(values, np.float64)
    return np.maximum(sizes, max(FLOOR * float(sizes.max(initial=0.0)), 1e-30))


def _by_channel(layer: Layer, axis: int) -> Floats:
    kernel = np.abs(layer.weights[0])
    largest: Floats = kernel.max(axis=tuple(other for other in range(kernel.ndim) if other != axis))
    return largest
