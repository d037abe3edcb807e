"""What the values of a tensor use of its int8 range, and how unequal its channels are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgeswap.evaluation.int8_grid import values_on_grid
from edgeswap.records import GridShares, RangeUse, Spread

CENTRAL = 0.999  # share of the values that a range should be spent on
KEPT = 200_000  # values of a tensor that its quantiles are taken of: 100 of them lie in each outer 0.05 %
NAMED_CHANNELS = 3
Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass
class TensorUse:
    """Extremes, quantiles and energies of a tensor, of batches that come one after another.

    Attributes:
        axis: of the channels.
        batches: how many batches will come, so that each gives its share of the kept values.
    """

    axis: int
    batches: int
    low: Floats | None = None
    high: Floats | None = None
    squares: Floats | None = None
    kept: list[Array] = field(default_factory=list)
    noise: float = 0.0
    seed: int = 0

    def add(self, wanted: Array, got: Array) -> None:
        """Take in the values (n, ...) of one batch: of the float model, and of the fake-quant model."""
        axis = self.axis % wanted.ndim
        others = tuple(each for each in range(wanted.ndim) if each != axis)
        low, high = wanted.min(axis=others).astype(np.float64), wanted.max(axis=others).astype(np.float64)
        squares = np.square(wanted, dtype=np.float64).sum(axis=others)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)
        self.squares = squares if self.squares is None else self.squares + squares
        self.noise += float(np.square(wanted - got, dtype=np.float64).sum())
        flat, most = wanted.reshape(-1), -(-KEPT // self.batches)
        if len(flat) > most:  # at random: a regular choice could meet the same channels over and over
            flat = flat[np.random.default_rng((self.seed, len(self.kept))).integers(0, len(flat), most)]
        self.kept.append(flat.copy())

    @property
    def extremes(self) -> tuple[Floats, Floats]:
        """Lowest and highest value of each channel (channels,), zero counted as a value."""
        assert self.low is not None
        assert self.high is not None
        return np.minimum(self.low, 0.0), np.maximum(self.high, 0.0)

    @property
    def widths(self) -> Floats:
        """Range of each channel (channels,), zero included."""
        low, high = self.extremes
        return high - low

    @property
    def rms(self) -> Floats:
        """Root mean square of each channel, up to a factor that all share."""
        assert self.squares is not None
        return np.sqrt(self.squares)

    @property
    def snr_db(self) -> float | None:
        """Of the fake-quant model's values against the float model's; None where nothing differs or all is 0."""
        assert self.squares is not None
        signal = float(self.squares.sum())
        return 10 * float(np.log10(signal / self.noise)) if self.noise > 0 and signal > 0 else None

    def on_grid(self, low: float, high: float) -> GridShares:
        """How the kept values lie on the int8 range from `low` to `high`."""
        return values_on_grid(np.concatenate(self.kept), low, high)

    def range_use(self, low: float, high: float) -> RangeUse:
        """What the values use of the int8 range from `low` to `high`."""
        tail = (1 - CENTRAL) / 2
        first, last = np.quantile(np.concatenate(self.kept), [tail, 1 - tail])
        central = float(max(last, 0.0) - min(first, 0.0))
        lows, highs = self.extremes
        return RangeUse(
            low=low,
            high=high,
            observed_low=float(lows.min()),
            observed_high=float(highs.max()),
            central_width=central,
            wasted=max(0.0, 1 - central / (high - low)),
        )


def spread(widths: Floats) -> Spread | None:
    """How unequal the ranges of channels (channels,) are; None for a single one."""
    if len(widths) < 2:
        return None
    median = float(np.median(widths))
    worst = np.argsort(-widths, kind="stable")[:NAMED_CHANNELS]
    ratio = float(widths.max()) / median if median > 0 else None
    return Spread(channels=len(widths), largest_ratio=ratio, worst=[int(index) for index in worst])
