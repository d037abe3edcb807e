"""How the values of a tensor lie on its int8 grid: where on the 256 steps they are, and what is cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.records import GridShares

PARTS = 32  # of 8 int8 values each: as fine as a drawing shows
STEPS = 256
WEIGHT_STEPS = 127  # a weight is symmetric, without -128
MOST_LAYERS = 8  # that are told, the worst: each takes 64 numbers of report.json
PIECE_VALUES = 2**22  # of a weight, looked at together: of a large one the float64 copies would fill the memory
DIGITS = 5  # of a share: a thousandth of a percent


def values_on_grid(values: npt.NDArray[Any], low: float, high: float) -> GridShares:
    """The distribution of real values over the int8 range from `low` to `high`.

    Args:
        values: of any shape, before they are rounded to int8.
        low: real value of int8 -128.
        high: real value of int8 127, above `low`.
    """
    steps = np.rint((values.reshape(-1).astype(np.float64) - low) * ((STEPS - 1) / (high - low)))
    return _shares([steps], low, high)


def weights_on_grid(kernel: npt.NDArray[Any], channel_axes: Sequence[int]) -> GridShares:
    """The distribution of weights over their steps from -127 to 127, each channel by its own scale.

    Args:
        kernel: as the layer has it.
        channel_axes: axes along which each channel has a scale of its own; none: one scale for the whole weight.
    """
    others = tuple(axis for axis in range(kernel.ndim) if axis not in channel_axes)
    largest = np.maximum(kernel.max(axis=others, keepdims=True), -kernel.min(axis=others, keepdims=True))
    scales = np.broadcast_to(np.where(largest > 0, largest.astype(np.float64), 1.0), kernel.shape)
    rows = max(1, PIECE_VALUES * len(kernel) // kernel.size)
    pieces = (
        np.rint(kernel[start : start + rows] / scales[start : start + rows] * WEIGHT_STEPS) + STEPS // 2
        for start in range(0, len(kernel), rows)
    )
    end = None if channel_axes else float(largest.max())
    return _shares((piece.reshape(-1) for piece in pieces), None if end is None else -end, end)


def _shares(pieces: Iterable[npt.NDArray[np.float64]], low: float | None, high: float | None) -> GridShares:
    """Of values that are told by their int8 value plus 128, those more than a step beyond 0 to 255 cut.

    A step is lost to rounding anyhow, and the 1.0 of every softmax lies one beyond its range of 0 to 255/256.
    """
    counts, below, above, total = np.zeros(PARTS, np.int64), 0, 0, 0
    for steps in pieces:
        inside = np.clip(steps[(steps >= -1) & (steps <= STEPS)], 0, STEPS - 1).astype(np.int64)
        counts += np.bincount(inside // (STEPS // PARTS), minlength=PARTS)
        below += int(np.count_nonzero(steps < -1))
        above += int(np.count_nonzero(steps > STEPS))
        total += len(steps)
    return GridShares(
        low=low,
        high=high,
        shares=[_share(int(count), total) for count in counts],
        below=_share(below, total),
        above=_share(above, total),
    )


def _share(count: int, total: int) -> float:
    return round(count / total, DIGITS)
