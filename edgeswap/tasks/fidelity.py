"""Fidelity: how near one output of a candidate is to that of the baseline, whatever the model is for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Fidelity:
    """Sums over the samples seen so far; `+` joins those of chunks, in order. Memory: two numbers a sample.

    A value that is NaN or infinite in either model is left out of all figures and counted in `nonfinite`.

    Attributes:
        energies: float64 (n, 2): for each sample the sum of squares of the baseline, and that of the difference.
        energy: the candidate's sum of squares.
        product: the sum of the products of both.
        difference: the sum of candidate minus baseline.
        distance: the sum of absolute differences.
        largest: the largest absolute difference.
        values: how many values were compared.
        nonfinite: how many were left out.
        first_nonfinite: the first sample that has one, or None.
        step: the scale of the candidate's int8 output; None where it has none.
    """

    energies: npt.NDArray[np.float64]
    energy: float
    product: float
    difference: float
    distance: float
    largest: float
    values: int
    nonfinite: int
    first_nonfinite: int | None
    step: float | None

    @classmethod
    def of(cls, baseline: Array, candidate: Array, step: float | None) -> Fidelity:
        """That of one chunk.

        Args:
            baseline: real values (n, ...).
            candidate: real values (dequantized) of the same shape.
            step: the scale of the candidate's int8 output; None where it has none.

        Raises:
            ValueError: two shapes, or a step that is not positive.
        """
        if baseline.shape != candidate.shape or (step is not None and not step > 0):
            raise ValueError(f"Expected one shape, a step above 0, got {baseline.shape}, {candidate.shape}, {step}.")
        rows = (len(baseline), int(np.prod(baseline.shape[1:])))
        wanted = np.asarray(baseline, np.float64).reshape(rows)
        got = np.asarray(candidate, np.float64).reshape(rows)
        finite = np.isfinite(wanted) & np.isfinite(got)
        broken = np.flatnonzero(~finite.all(axis=1))
        if len(broken):
            wanted, got = np.where(finite, wanted, 0.0), np.where(finite, got, 0.0)
        off = got - wanted
        return cls(
            energies=np.stack([(wanted**2).sum(axis=1), (off**2).sum(axis=1)], axis=1),
            energy=float((got**2).sum()),
            product=float((wanted * got).sum()),
            difference=float(off.sum()),
            distance=float(np.abs(off).sum()),
            largest=float(np.abs(off).max(initial=0.0)),
            values=int(finite.sum()),
            nonfinite=int((~finite).sum()),
            first_nonfinite=int(broken[0]) if len(broken) else None,
            step=step,
        )

    def __add__(self, later: Fidelity) -> Fidelity:
        """That of the samples of this one and of those of `later` after them.

        Raises:
            ValueError: the two have different steps.
        """
        if self.step != later.step:
            raise ValueError(f"Expected one step, got {self.step} and {later.step}.")
        first = self.first_nonfinite
        if first is None and later.first_nonfinite is not None:
            first = len(self.energies) + later.first_nonfinite
        return Fidelity(
            energies=np.concatenate([self.energies, later.energies]),
            energy=self.energy + later.energy,
            product=self.product + later.product,
            difference=self.difference + later.difference,
            distance=self.distance + later.distance,
            largest=max(self.largest, later.largest),
            values=self.values + later.values,
            nonfinite=self.nonfinite + later.nonfinite,
            first_nonfinite=first,
            step=self.step,
        )

    @property
    def snr_db(self) -> float | None:
        """10 log10 of the baseline's energy over the difference's; None where nothing differs, or the baseline is 0."""
        ratio = snr_db(self.energies)
        return ratio if math.isfinite(ratio) else None

    @property
    def cosine(self) -> float | None:
        """Of the angle between both, all samples as one vector; None where one is 0 throughout."""
        lengths = math.sqrt(float(self.energies[:, 0].sum())) * math.sqrt(self.energy)
        return max(-1.0, min(1.0, self.product / lengths)) if lengths > 0 else None

    @property
    def mean_steps(self) -> float | None:
        """The mean absolute difference in int8 steps; None without a step or a value."""
        return self.distance / self.values / self.step if self.step and self.values else None

    @property
    def max_steps(self) -> float | None:
        """The largest absolute difference in int8 steps; None without a step or a value."""
        return self.largest / self.step if self.step and self.values else None

    @property
    def bias(self) -> float | None:
        """The mean of candidate minus baseline, in the output's unit; None without a value."""
        return self.difference / self.values if self.values else None

    @property
    def sample_ratios(self) -> npt.NDArray[np.float64]:
        """10 log10 of the baseline's mean energy over each sample's difference (n,): infinite where nothing differs.

        By its own energy a sample near 0 would be the worst, however little it differs. Minus infinity where the
        baseline is 0 throughout, and for the first sample with a value that was left out.
        """
        signal, noise = self.energies[:, 0].mean(), self.energies[:, 1]
        with np.errstate(divide="ignore"):
            ratios: npt.NDArray[np.float64] = np.where(
                noise > 0, 10 * np.log10(signal / np.where(noise > 0, noise, 1)), np.inf
            )
        if self.first_nonfinite is not None:
            ratios[self.first_nonfinite] = -np.inf
        return ratios

    @property
    def worst_sample(self) -> int | None:
        """The first sample with a value that was left out, else that of the largest difference; None without one."""
        ratios = self.sample_ratios
        return int(ratios.argmin()) if ratios.min() < math.inf else None


def snr_db(energies: npt.NDArray[np.float64]) -> float:
    """The signal-to-noise ratio in dB over any samples, as `Metric.value` of `Fidelity.energies`.

    Infinite where nothing differs, minus infinity where only the baseline is 0, NaN where both are.
    """
    signal, noise = energies.sum(axis=0)
    if noise == 0:
        return math.inf if signal > 0 else math.nan
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf
