"""Which calibration samples to take: those that extend the ranges first, then each class about as often, by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeswap.data.calibration import choose
from edgeswap.data.dataset import Dataset
from edgeswap.progress import Progress

RANGE_SHARE = 0.5  # of the samples at most are chosen for ranges; the rest must stand for what is common
AT_ONCE = 256  # samples that are looked at together
LEAST_GAIN = 1e-3  # of one whole range: what extends all ranges together by less is as good as any other sample
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Chosen:
    """Samples by their number in the data.

    Attributes:
        for_ranges: those that extend the ranges, the one that extends them most first.
        at_random: the rest, ascending; with labels as equally over the classes as they allow.
    """

    for_ranges: Indices
    at_random: Indices

    @property
    def indices(self) -> Indices:
        """All of them, ascending."""
        return np.sort(np.concatenate([self.for_ranges, self.at_random]))


def input_ranges(data: Dataset, *, progress: Progress) -> tuple[Floats, Floats]:
    """Lowest and highest value of each channel of every input in each raw sample, float32 (N, channels) each."""
    lows, highs = [], []
    with progress.step("Look at the ranges of every sample", len(data)) as step:
        for start in range(0, len(data), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(data)))
            read = data.read(rows)
            arrays = list(read.values()) if isinstance(read, dict) else [read]
            flat = [array.reshape(len(rows), -1, array.shape[-1] if array.ndim > 1 else 1) for array in arrays]
            lows.append(np.concatenate([array.min(axis=1) for array in flat], axis=1, dtype=np.float32))
            highs.append(np.concatenate([array.max(axis=1) for array in flat], axis=1, dtype=np.float32))
            step.advance(len(rows))
    return np.concatenate(lows), np.concatenate(highs)


def choose_covering(low: Floats, high: Floats, labels: Indices | None, count: int, seed: int) -> Chosen:
    """`count` samples that cover ranges and classes.

    The first is the one with the widest ranges; each next one extends those of the chosen by most, summed over the
    ranges, each in units of its whole width (farthest first). It ends when half of the samples are chosen or none
    extends them any more.

    Args:
        low: lowest value of each sample (N, ranges).
        high: highest value (N, ranges).
        labels: a whole number for each sample; None without labels.
        count: how many samples; all of them if there are fewer.
        seed: of the choice of the rest.
    """
    total = len(low)
    count = min(count, total)
    whole = high.max(axis=0) - low.min(axis=0)
    unit = np.where(whole > 0, whole, 1.0).astype(np.float32)
    lows, highs = low / unit, high / unit
    first = int((highs - lows).sum(axis=1).argmax())
    taken = [first]
    least, most = lows[first], highs[first]
    while len(taken) < int(RANGE_SHARE * count):
        gain = (np.maximum(least - lows, 0.0) + np.maximum(highs - most, 0.0)).sum(axis=1)
        best = int(gain.argmax())
        if gain[best] < LEAST_GAIN:
            break
        taken.append(best)
        least, most = np.minimum(least, lows[best]), np.maximum(most, highs[best])
    for_ranges = np.array(taken[: max(count, 1)], np.int64)
    rest = np.setdiff1d(np.arange(total), for_ranges)
    left = None if labels is None else labels[rest]
    at_random = rest[choose(len(rest), left, count - len(for_ranges), seed)]
    return Chosen(for_ranges, at_random)


def coverage(low: Floats, high: Floats, indices: Indices) -> npt.NDArray[np.float64]:
    """Share of each whole range (ranges,) that the samples at `indices` reach; 1 for a range of no width."""
    whole = (high.max(axis=0) - low.min(axis=0)).astype(np.float64)
    reached = (high[indices].max(axis=0) - low[indices].min(axis=0)).astype(np.float64)
    return np.where(whole > 0, reached / np.where(whole > 0, whole, 1.0), 1.0)
