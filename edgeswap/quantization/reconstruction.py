"""Weights and biases of a placed graph corrected, layer after layer, towards what the float model gives.

Each layer is looked at with inputs as the int8 model will have them: all before it is rounded and corrected already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from edgeswap.frameworks import tf
from edgeswap.graph.ir import Layer, Node
from edgeswap.progress import Progress, Silent
from edgeswap.quantization.kernel_inputs import as_groups, as_kernel, has_kernel_inputs, kernel_inputs
from edgeswap.quantization.layer_by_layer import LayerByLayer
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.ranges import Ends
from edgeswap.quantization.rounding import round_kernel
from edgeswap.quantization.specification import STEPS, WEIGHT_STEPS, Weight

ROWS_PER_INPUT = 2  # with fewer rows the weights would be fitted to them
_SMALLEST = 1e-12
_SILENT = Silent()


def reconstruct(
    placement: Placement,
    ranges: Mapping[str, Ends],
    samples: Sequence[npt.NDArray[np.float32]],
    *,
    rounds_weights: bool,
    least_steps: float = 0.0,
    until_first: bool = False,
    progress: Progress = _SILENT,
) -> Placement:
    """The placement with corrected weights; every scale stays that of the largest weight. Itself if nothing is changed.

    The bias of each convolution and dense layer takes on what its outputs lack in the mean over the samples, channel by
    channel (Nagel et al., arXiv:1906.04721, section 4.2). A layer that is called twice, or has no bias, stays.

    Args:
        placement: from `place`, best of a graph with batch normalizations folded.
        ranges: as for `edgeswap.quantization.qat.quantize`.
        samples: one array for each model input, (N, ...), float32, preprocessed; all are in memory at once.
        rounds_weights: also choose how each weight is rounded, see `edgeswap.quantization.rounding`.
        least_steps: a channel whose mean lacks no more than that many steps of the range that it ends in keeps its
            bias.
        until_first: end once a layer is changed, for who asks only whether any is.
        progress: told of every layer.
    """
    graph = placement.graph
    wanted = LayerByLayer(graph, samples)
    # A layer that is given other weights is called once: by then it gave what is wanted of it.
    rounded = LayerByLayer(graph, samples, beside=wanted)
    corrected: dict[str, Layer] = {}
    title = "Correct the weights" if rounds_weights else "Correct the biases"
    # OpenBLAS's threads wait for each other in a loop: on a core that is busy otherwise, two took 30 times one's time.
    with threadpool_limits(1, user_api="blas"), progress.step(title, len(graph.nodes)) as step:
        for node in graph.nodes:
            layer = graph.layers[node.layer]
            want = wanted.compute(node)
            if node.layer in placement.weights and len(graph.calls(node.layer)) == 1:
                (weight,) = placement.weights[node.layer]
                given = rounded.input(node) if rounds_weights and has_kernel_inputs(layer) else None
                kernel = _rounded(layer, weight, given)
                weights = [kernel, *layer.weights[1:]]
                got = rounded.compute(node, weights)
                lack: npt.NDArray[np.floating[Any]] = np.zeros(0)
                if layer.config.get("use_bias"):
                    lack = _mean([part - other for part, other in zip(want, got, strict=True)])
                    lack = np.where(np.abs(lack) > least_steps * _step(placement, node, ranges), lack, 0)
                    weights[-1] = (weights[-1] + lack).astype(np.float32)
                    got = [part + lack for part in got]
                if not rounds_weights:
                    weights[0] = layer.weights[0]  # fake-quant rounds it
                if rounds_weights or lack.any():
                    corrected[layer.name] = replace(layer, weights=tuple(weights))
                    if until_first:
                        break
            else:
                got = rounded.compute(node)
            if node.layer in ranges:
                ends = ranges[node.layer]
                got = [
                    tf.quantization.fake_quant_with_min_max_vars(part, ends.low.value, ends.high.value) for part in got
                ]
            wanted.keep(node, want)
            rounded.keep(node, got)
            step.advance(1)
    return replace(placement, graph=graph.with_layers(corrected)) if corrected else placement


def _step(placement: Placement, node: Node, ranges: Mapping[str, Ends]) -> float:
    """The width of a step of the int8 range that the outputs of a call end in; 0 where it has none.

    It may be that of an activation that the call fuses, or of a concat that it writes into.
    """
    if node.layer in ranges:
        return (ranges[node.layer].high.value - ranges[node.layer].low.value) / STEPS
    readers = placement.graph.consumers()[node.name]
    passing = [reader for reader in readers if reader.layer not in placement.weights]
    return min((_step(placement, reader, ranges) for reader in passing), default=0.0)


def _mean(parts: Sequence[Any]) -> npt.NDArray[np.float32]:
    """Of each channel over all samples and places."""
    means = [tf.reduce_mean(part, axis=list(range(len(part.shape) - 1))).numpy() for part in parts]
    return np.average(means, axis=0, weights=list(map(len, parts))).astype(np.float32)


def _rounded(layer: Layer, weight: Weight, given: Sequence[npt.NDArray[np.float32]] | None) -> npt.NDArray[np.float32]:
    """The kernel on the int8 grid; in favour of the outputs where it is known what the layer is `given`."""
    kernel = layer.weights[0]
    if given is not None:
        rows = kernel_inputs(layer, given)
        if rows.shape[1] >= ROWS_PER_INPUT * rows.shape[2]:
            groups = round_kernel(as_groups(layer, kernel), rows, per_channel=bool(weight.channel_axes))
            return as_kernel(layer, groups)
    others = tuple(axis for axis in range(kernel.ndim) if axis not in weight.channel_axes)
    largest = np.maximum(kernel.max(axis=others, keepdims=True), -kernel.min(axis=others, keepdims=True))
    scale = np.maximum(largest, _SMALLEST) / WEIGHT_STEPS
    rounded = kernel / scale  # in its place from here on: a large kernel has no room for copies
    np.rint(rounded, out=rounded)
    rounded *= scale
    return np.asarray(rounded, np.float32)
