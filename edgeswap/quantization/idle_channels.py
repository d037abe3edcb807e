"""Channels that are next to silent, raised so that the weights that read them do not make the scale of others coarse.

The scale of a weight is that of the largest one in its output channel. Training leaves dead ReLUs behind, whose readers
keep the weights they began with, and these can be a hundred times as large as those that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Graph, Layer
from edgeswap.quantization.channel_groups import DEPTHWISE, ChannelGroup, channel_groups
from edgeswap.quantization.channel_scaling import input_axis, with_scaled_channels
from edgeswap.quantization.channel_sizes import channel_sizes
from edgeswap.quantization.folding import OUTPUT_AXES
from edgeswap.quantization.placement import place
from edgeswap.quantization.specification import WEIGHT_STEPS

MOST_HALVINGS = 12  # to 1/4096 of the largest weight: no scale is further from a useful one
# Half a scale has a quarter of the squared error of rounding. What leaves less than half of that gain is not idle.
GAIN = 0.5

Floats = npt.NDArray[np.floating[Any]]


def raise_idle_channels(
    graph: Graph,
    samples: Sequence[npt.NDArray[np.float32]],
    *,
    per_channel: bool = True,
    per_channel_dense: bool = True,
) -> Graph:
    """The same function, to float32's rounding, with idle channels written larger and read with smaller weights.

    A channel is idle for a reader where its weights could be cut to half of the largest, or less, at less error in the
    output than the finer scale saves: the error of rounding is scale**2 / 12 a weight, each weight times the square of
    what it reads. No channel gets larger than the largest one beside it, so no range gets wider; and weights of the
    channels that are raised have a scale of their own in the layer that writes them, or the group stays as it is. On
    samples that are not among these a raised channel is still read, up to the end of the range.

    Args:
        graph: canonical, with weights; the same graph comes back where no channel is idle.
        samples: the representative dataset: one array (N, ...) for each model input, float32, preprocessed.
        per_channel: whether weights have a scale for each output channel.
        per_channel_dense: likewise of dense layers.
    """

    def own_scales(layer: Layer) -> bool:
        return per_channel_dense if layer.class_name == "Dense" else per_channel

    groups = [
        group
        for group in channel_groups(graph)
        if all(own_scales(graph.layers[name]) for name in group.writers)
        and not all(graph.layers[name].class_name in DEPTHWISE for name in group.readers)
    ]
    tensors = dict.fromkeys(name for group in groups for name in group.tensors)
    sizes = channel_sizes(graph, tensors, samples) if groups else {}
    # An output that a ReLU behind it is fused with has no range, which dead units would widen at its lower end.
    ranged = place(graph, input_ranges={}, per_channel=per_channel, per_channel_dense=per_channel_dense).outputs
    layers: dict[str, Layer] = {}
    for group in groups:
        factors = _factors(graph.with_layers(layers), group, sizes, ranged, own_scales)
        if (factors > 1).any():
            layers |= with_scaled_channels({**graph.layers, **layers}, group, factors)
    return graph.with_layers(layers) if layers else graph


def _factors(
    graph: Graph,
    group: ChannelGroup,
    sizes: Mapping[str, Floats],
    ranged: Collection[str],
    own_scales: Callable[[Layer], bool],
) -> Floats:
    """What each channel of a group is multiplied by, at least 1."""
    wanted = np.ones(group.channels)
    for name in group.readers:
        layer = graph.layers[name]
        if layer.class_name in DEPTHWISE:
            continue  # each channel has a scale of its own
        read = sizes[graph.calls(name)[0].refs()[0].node]
        wanted = np.maximum(wanted, _above(layer, read, OUTPUT_AXES[layer.class_name] if own_scales(layer) else ()))
    rooms = [_room(sizes[name]) for name in group.tensors if graph.node(name).layer in ranged]
    factors: Floats = np.maximum(np.min([wanted, *rooms], axis=0), 1.0)
    return factors


def _room(sizes: Floats) -> Floats:
    """How many times as large as it is each channel may become."""
    silent = np.full(sizes.shape, 2.0**MOST_HALVINGS)
    room: Floats = np.divide(sizes.max(initial=0.0), sizes, out=silent, where=sizes > 0)
    return room


def _above(layer: Layer, sizes: Floats, channel_axes: tuple[int, ...]) -> Floats:
    """How many times as large as the range that a reader should have its weights of each channel are."""
    axis, kernel = input_axis(layer), np.abs(layer.weights[0]).astype(np.float64)
    others = tuple(each for each in range(kernel.ndim) if each not in channel_axes)
    squares = np.square(sizes, dtype=np.float64).reshape([-1 if each == axis else 1 for each in range(kernel.ndim)])
    end = kernel.max(axis=others, keepdims=True)
    rounding = np.broadcast_to(squares, kernel.shape).sum(axis=others, keepdims=True) / (12 * WEIGHT_STEPS**2)
    error = end**2 * rounding
    for _ in range(MOST_HALVINGS):
        half = end / 2
        above = kernel - half
        np.square(np.maximum(above, 0, out=above), out=above)
        above *= squares
        cut = above.sum(axis=others, keepdims=True)
        found = half**2 * rounding + cut
        better = (error > 0) & (found <= GAIN * error)
        if not better.any():
            break
        end, error = np.where(better, half, end), np.where(better, found, error)
    kernel /= np.maximum(end, np.finfo(np.float32).tiny)
    largest: Floats = kernel.max(axis=tuple(each for each in range(kernel.ndim) if each != axis))
    return largest
