"""How many int8 steps of an input's one scale are left to each of its features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edgeswap.quantization.specification import STEPS
from edgeswap.records import Caution

INPUT_SCALE = "input_scale"  # the kind of the warning
# A value that fills n steps evenly has a standard deviation of n steps / sqrt(12), its rounding one of 1 / sqrt(12):
# with 16 steps the rounding is a sixteenth of it, -24 dB.
FEWEST_STEPS = 16
_NAMED = 6


def coarse_features(inputs: Mapping[str, npt.NDArray[np.float32]]) -> list[Caution]:
    """A warning for each input that has one scale for features of very different size.

    A feature is a place on the last axis. One with fewer than `FEWEST_STEPS` steps is too coarse, but not where none
    of its values, as few as those of a flag, is rounded to another.

    Args:
        inputs: name to calibration samples (N, ..., features), preprocessed, of every input whose range is observed.
    """
    found = {name: _steps(samples) for name, samples in inputs.items() if samples.ndim > 1 and samples.shape[-1] > 1}
    return [_caution(name, steps) for name, steps in found.items() if steps]


def _steps(samples: npt.NDArray[np.float32]) -> dict[int, float]:
    """Steps of the feature's own range, by the number of each feature that is too coarse."""
    columns = samples.reshape(-1, samples.shape[-1]).astype(np.float64)
    step = (max(columns.max(), 0.0) - min(columns.min(), 0.0)) / STEPS
    if not step:
        return {}
    steps = (columns.max(axis=0) - columns.min(axis=0)) / step
    few = np.flatnonzero((steps > 0) & (steps < FEWEST_STEPS))
    return {int(index): float(steps[index]) for index in few if _merges(columns[:, index], step)}


def _merges(values: npt.NDArray[np.float64], step: float) -> bool:
    """Whether values that differ are rounded to the same step."""
    different = np.unique(values)
    return len(np.unique(np.rint(different / step))) < len(different)


def _caution(name: str, steps: Mapping[int, float]) -> Caution:
    shown = [f"feature {index} {steps[index]:.2g}" for index in list(steps)[:_NAMED]]
    rest = f", and {len(steps) - _NAMED} more have fewer than {FEWEST_STEPS}" if len(steps) > _NAMED else ""
    return Caution(
        kind=INPUT_SCALE,
        problem=f"Input {name!r} has one int8 scale for features of very different size. Of its {STEPS} steps, these "
        f"use only a few: {', '.join(shown)}{rest}.",
        remedy="Begin the model with a Normalization layer as the only reader of this input, which edgeswap then moves "
        "into the app, or scale the features alike before the model.",
    )
