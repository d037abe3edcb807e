"""Ways to quantize without labels or training, from cheap to dear: each one goes on from the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.graph.ir import Graph
from edgeswap.progress import Progress
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.channel_groups import channel_groups
from edgeswap.quantization.channel_sizes import channel_sizes
from edgeswap.quantization.equalization import equalize
from edgeswap.quantization.folding import fold_batch_norms
from edgeswap.quantization.placement import Placement, place
from edgeswap.quantization.range_search import search_ranges
from edgeswap.quantization.ranges import Ends, resolve
from edgeswap.quantization.reconstruction import reconstruct
from edgeswap.quantization.specification import Policy

Samples = Sequence[npt.NDArray[np.float32]]

MOST_SAMPLES = 256  # of those that calibrate, run layer by layer
MEMORY_BYTES = 2**31  # for the largest tensors of these: about eight of them are held at once


@dataclass(frozen=True, eq=False)
class Fitted:
    """A placement and the ranges of its outputs: all that a fake-quant model is made of."""

    placement: Placement
    ranges: Mapping[str, Ends]


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
    """

    graph: Graph
    samples: Samples
    input_ranges: Mapping[str, tuple[float, float] | None]
    policy: Policy
    per_channel: bool
    per_channel_dense: bool
    progress: Progress

    def ptq(self, graph: Graph | None = None, *, trains: bool = False) -> Fitted:
        """Ranges by calibration; of the float graph, or of another form of the same function."""
        placement = place(
            self.graph if graph is None else graph,
            input_ranges=self.input_ranges,
            per_channel=self.per_channel,
            per_channel_dense=self.per_channel_dense,
        )
        observed = calibrate(placement, self.samples, progress=self.progress)
        return Fitted(placement, resolve(placement, observed, self.policy, trains=trains))

    @cached_property
    def plain(self) -> Fitted:
        """PTQ and nothing more."""
        return self.ptq()

    def searched(self, before: Fitted) -> Fitted:
        """The same with each range's ends where they do least harm."""
        few = self._few(before.placement.graph)
        return Fitted(before.placement, search_ranges(before.placement, before.ranges, few, progress=self.progress))

    @cached_property
    def alike(self) -> Fitted:
        """Batch normalizations folded, channels made alike, ranges by calibration and then searched."""
        folded = fold_batch_norms(self.graph)
        tensors = [name for group in channel_groups(folded) for name in group.tensors]
        alike = equalize(
            folded,
            channel_sizes(folded, tensors, self.samples),
            per_channel=self.per_channel,
            per_channel_dense=self.per_channel_dense,
        )
        return self.searched(self.ptq(alike))

    def corrected(self, *, rounds_weights: bool) -> Fitted:
        """Of `alike`, what each layer lacks in the mean put into its bias; and each weight rounded for the outputs."""
        before = self.alike
        placement = reconstruct(
            before.placement,
            before.ranges,
            self._few(before.placement.graph),
            rounds_weights=rounds_weights,
            progress=self.progress,
        )
        return Fitted(placement, before.ranges)

    def _few(self, graph: Graph) -> list[Any]:
        """Samples spread over all of them, as many as memory has room for."""
        largest = max(4 * prod(size or 1 for size in shape) for node in graph.nodes for shape in node.shapes or ((1,),))
        count = max(1, min(len(self.samples[0]), MOST_SAMPLES, MEMORY_BYTES // (8 * largest)))
        rows = np.linspace(0, len(self.samples[0]) - 1, count).round().astype(int)
        return [array[rows] for array in self.samples]
