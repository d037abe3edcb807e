"""Ways to quantize without labels or training: three ways to ranges, and corrections of weights for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Graph
from edgeswap.graph.shared_weights import with_shared_weights
from edgeswap.progress import Progress
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.channel_groups import channel_groups
from edgeswap.quantization.channel_sizes import channel_sizes
from edgeswap.quantization.equalization import equalize
from edgeswap.quantization.folding import fold_batch_norms
from edgeswap.quantization.kept import NOTHING_KEPT, Arrays, Kept
from edgeswap.quantization.placement import Placement, place
from edgeswap.quantization.range_search import search_ranges
from edgeswap.quantization.ranges import End, Ends, resolve
from edgeswap.quantization.reconstruction import reconstruct
from edgeswap.quantization.specification import Policy
from edgeswap.system.room import LARGE_BYTES

Samples = Sequence[npt.NDArray[np.float32]]

MOST_SAMPLES = 256  # of those that calibrate, run layer by layer to search ranges
SAMPLES_FOR_MEANS = 64  # means of channels need fewer
SAMPLES_FOR_ROUNDING = 128  # have 6,272 places where a layer is 7x7: twice the inputs of a kernel on 2,048 channels
# Steps of int8. No channel of MLPerf Tiny's ResNet8 or of the digits' network is off by more than 1.4 of them, which
# costs nothing. Of EfficientNet-Lite0 half the layers have one that is off by more than 6, and one by 39.
MOST_SHIFTED = 2.0
MEMORY_BYTES = 2**31  # for the largest tensors of these: about eight of them are held at once


@dataclass(frozen=True, eq=False)
class Fitted:
    """A placement and the ranges of its outputs: all that a fake-quant model is made of.

    Attributes:
        placement: of fake-quants in the graph.
        ranges: of its outputs.
        rounded: whether the weights were rounded for the outputs of their layers.
    """

    placement: Placement
    ranges: Mapping[str, Ends]
    rounded: bool = False


@dataclass(frozen=True, eq=False)
class Fitting:
    """What every way starts from.

    Attributes:
        graph: canonical, float.
        samples: the representative dataset, one array (N, ...) for each input.
        input_ranges: as for `edgeswap.quantization.placement.place`.
        policy: where ranges end, as for `resolve`.
        per_channel: scales of weights, as for `place`.
        per_channel_dense: likewise.
        progress: told of every step.
        kept: what steps found in earlier runs.
    """

    graph: Graph
    samples: Samples
    input_ranges: Mapping[str, tuple[float, float] | None]
    policy: Policy
    per_channel: bool
    per_channel_dense: bool
    progress: Progress
    kept: Kept = NOTHING_KEPT

    def ptq(self, *, trains: bool = False) -> Fitted:
        """Ranges by calibration; without training also weights corrected where a channel is far off in the mean."""
        return self._observed(self.graph, trains=True) if trains else self.corrected(self.calibrated)

    @cached_property
    def calibrated(self) -> Fitted:
        """Ranges by calibration, no weight changed."""
        return self._observed(self.graph)

    @cached_property
    def searched(self) -> Fitted:
        """Likewise, with each range's ends where they do least harm."""
        return self._searched(self.calibrated)

    @cached_property
    def alike(self) -> Fitted:
        """Batch normalizations folded, channels made alike, ranges by calibration and then searched."""
        folded = fold_batch_norms(self.graph)
        tensors = [name for group in channel_groups(folded) for name in group.tensors]
        found = self.kept.arrays(
            "channel sizes",
            (folded, tensors),
            lambda: {name: [size] for name, size in channel_sizes(folded, tensors, self.samples).items()},
        )
        alike = equalize(
            folded,
            {name: size for name, (size,) in found.items()},
            per_channel=self.per_channel,
            per_channel_dense=self.per_channel_dense,
        )
        return self._searched(self._observed(alike))

    def corrected(self, before: Fitted) -> Fitted:
        """Biases corrected and weights rounded for the outputs if a channel is off by more than `MOST_SHIFTED` steps.

        If none is, `before`: nearest is good enough then. A large network gets its biases alone, as there is no room
        for all of its weights once more.

        Args:
            before: `calibrated`, `searched` or `alike`.
        """
        folded = self._folded(before)
        is_large = sum(array.nbytes for layer in self.graph.layers.values() for array in layer.weights) > LARGE_BYTES
        unshifted = self._corrected(folded, rounds_weights=False, until_first=not is_large)
        if unshifted is folded:
            return before
        return unshifted if is_large else self._corrected(folded, rounds_weights=True)

    def rounded(self, before: Fitted) -> Fitted:
        """Each weight rounded for the outputs of its layer, and biases corrected where a channel is far off."""
        return self._corrected(self._folded(before), rounds_weights=True)

    def _placed(self, graph: Graph) -> Placement:
        return place(
            graph,
            input_ranges=self.input_ranges,
            per_channel=self.per_channel,
            per_channel_dense=self.per_channel_dense,
        )

    def _observed(self, graph: Graph, *, trains: bool = False) -> Fitted:
        placement = self._placed(graph)
        observed = self.kept.values(
            "observed ranges", placement, lambda: calibrate(placement, self.samples, progress=self.progress)
        )
        extremes = {name: (low, high) for name, (low, high) in observed.items()}
        return Fitted(placement, resolve(placement, extremes, self.policy, trains=trains))

    def _searched(self, before: Fitted) -> Fitted:
        placement, ranges = before.placement, before.ranges
        found = self.kept.values(
            "searched ranges",
            (placement, ranges),
            lambda: {
                name: asdict(ends)
                for name, ends in search_ranges(
                    placement, ranges, self._few(placement.graph, MOST_SAMPLES), progress=self.progress
                ).items()
            },
        )
        searched = {name: Ends(End(**ends["low"]), End(**ends["high"]), ends["least"]) for name, ends in found.items()}
        return Fitted(placement, searched)

    def _folded(self, before: Fitted) -> Fitted:
        """Batch normalizations folded, as only a bias takes on a correction.

        The range of one is then that of the layer before it.
        """
        placement = self._placed(fold_batch_norms(before.placement.graph))
        ranges = {name: before.ranges[_of_range(name, placement.graph, before.ranges)] for name in placement.outputs}
        return Fitted(placement, ranges)

    def _corrected(self, before: Fitted, *, rounds_weights: bool, until_first: bool = False) -> Fitted:
        """With corrected weights, see `reconstruct`; the same where nothing is changed."""
        placement, layers = before.placement, before.placement.graph.layers
        most_samples = SAMPLES_FOR_ROUNDING if rounds_weights else SAMPLES_FOR_MEANS

        def weights() -> Arrays:
            corrected = reconstruct(
                placement,
                before.ranges,
                self._few(placement.graph, most_samples),
                rounds_weights=rounds_weights,
                least_steps=MOST_SHIFTED,
                until_first=until_first,
                progress=self.progress,
            )
            return {
                name: _new(layer.weights, layers[name].weights)
                for name, layer in corrected.graph.layers.items()
                if layer is not layers[name]
            }

        how = (most_samples, rounds_weights, MOST_SHIFTED, until_first)
        found = self.kept.arrays("corrected weights", (placement, before.ranges, *how), weights)
        changed = {
            name: replace(layers[name], weights=(*layers[name].weights[: -len(arrays)], *arrays))
            for name, arrays in found.items()
        }
        if not changed:
            return before
        graph = with_shared_weights(placement.graph.with_layers(changed))
        return replace(before, placement=replace(placement, graph=graph), rounded=rounds_weights)

    def _few(self, graph: Graph, most: int) -> list[Any]:
        """Samples spread over all of them, as many as memory has room for."""
        largest = max(4 * prod(size or 1 for size in shape) for node in graph.nodes for shape in node.shapes or ((1,),))
        count = max(1, min(len(self.samples[0]), most, MEMORY_BYTES // (8 * largest)))
        rows = np.linspace(0, len(self.samples[0]) - 1, count).round().astype(int)
        return [array[rows] for array in self.samples]


def _new(weights: Sequence[npt.NDArray[Any]], before: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Those of a layer's weights that were changed: the bias, which is the last, or all."""
    return [array for array, old in zip(weights, before, strict=True) if array is not old]


def _of_range(name: str, folded: Graph, ranges: Mapping[str, Ends]) -> str:
    """The layer that has this layer's range before batch normalizations are folded: itself or the one behind it."""
    return name if name in ranges else folded.consumers()[folded.calls(name)[0].name][0].layer
