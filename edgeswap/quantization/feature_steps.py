"""How many int8 steps of the one scale of an input, or of an output, are left to each of its features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from edgeswap.quantization.specification import STEPS
from edgeswap.records import Caution

INPUT_SCALE, OUTPUT_SCALE, OUTPUT_OFFSET = "input_scale", "output_scale", "output_offset"  # the kinds of the warning
# A value that fills n steps evenly has a standard deviation of n steps / sqrt(12), its rounding one of 1 / sqrt(12):
# with 16 steps the rounding is a sixteenth of it, -24 dB.
FEWEST_STEPS = 16
FEWEST_OF_AN_OUTPUT = 64  # where all values lie on one side of 0: two bits of eight are lost on what never occurs
_NAMED = 6


def coarse_features(inputs: Mapping[str, npt.NDArray[np.float32]]) -> list[Caution]:
    """A warning for each input that has one scale for features of very different size.

    A feature is a place on the last axis. One with fewer than `FEWEST_STEPS` steps is too coarse, but not where none
    of its values, as few as those of a flag, is rounded to another.

    Args:
        inputs: name to calibration samples (N, ..., features), preprocessed, of every input whose range is observed.
    """
    return [
        Caution(
            kind=INPUT_SCALE,
            problem=f"Input {name!r} has one int8 scale for features of very different size. {few}",
            remedy="Begin the model with a Normalization layer as the only reader of this input, which edgeswap then "
            "moves into the app, or scale the features alike before the model.",
        )
        for name, few in _coarse(inputs, "feature")
    ]


def coarse_values(outputs: Mapping[str, npt.NDArray[np.float32]]) -> list[Caution]:
    """Likewise for each output whose values mean something each by itself, as those of a regression do.

    Args:
        outputs: name to what the float model gives for some samples, (N, ..., values), of outputs that are no scores.
    """
    return [
        Caution(
            kind=OUTPUT_SCALE,
            problem=f"Output {name!r} has one int8 scale for values of very different size. {few} "
            "The figures of the whole output hardly show it.",
            remedy="Give values of different size outputs of their own, or train on labels that are scaled alike and "
            "scale the values back in the app.",
        )
        for name, few in _coarse(outputs, "value")
    ]


def far_values(outputs: Mapping[str, npt.NDArray[np.float32]]) -> list[Caution]:
    """A warning for each output whose values lie so far from 0 that most int8 steps go to values that never occur.

    0 is one of the values of every int8 range (TFLite's quantization specification: the zero point is an int8 too).

    Args:
        outputs: as for `coarse_values`.
    """
    found = []
    for name, values in outputs.items():
        low, high = float(values.min()), float(values.max())
        step = max(abs(low), abs(high)) / STEPS
        if low * high > 0 and low < high and (high - low) / step < FEWEST_OF_AN_OUTPUT:
            problem = (
                f"Output {name!r} gives values from {low:.4g} to {high:.4g}, far from 0. An int8 range has 0 in it, so "
                f"these values use only {(high - low) / step:.2g} of its {STEPS} steps, of {step:.2g} each."
            )
            remedy = "Train on labels that have their mean taken off, and add it again in the app."
            found.append(Caution(kind=OUTPUT_OFFSET, problem=problem, remedy=remedy))
    return found


def _coarse(tensors: Mapping[str, npt.NDArray[np.float32]], what: str) -> Iterator[tuple[str, str]]:
    """Names of the tensors with features that are too coarse, and which those are."""
    for name, samples in tensors.items():
        steps = _steps(samples) if samples.ndim > 1 and samples.shape[-1] > 1 else {}
        if steps:
            shown = [f"{what} {index} {steps[index]:.2g}" for index in list(steps)[:_NAMED]]
            rest = f", and {len(steps) - _NAMED} more have fewer than {FEWEST_STEPS}" if len(steps) > _NAMED else ""
            yield name, f"Of its {STEPS} steps, these use only a few: {', '.join(shown)}{rest}."


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
