"""A metric: a number for each sample (or several), and how those of any samples become one value.

Kept apart, the parts of few thousand samples are all that is needed for the value, for its interval and for a paired
comparison by resampling; the outputs themselves, which may be large, are read once and in chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Outputs = Sequence[Array]  # one array (n, ...) of real values for each output of the model, in order
Labels = Any  # what the task's `labels` gave for these samples; None without labels
Inputs = Sequence[Array]  # one array (n, ...) for each input, as the model takes them
Unit = Literal["share", "label", "dB", "none"]


@dataclass(frozen=True)
class Metric:
    """One metric of a task.

    Attributes:
        name: in report.json, such as `top1`; `titles` has what it is called in sentences.
        unit: `share` of 0 to 1, told in percent; that of the labels; decibels; or none.
        higher_is_better: else lower is.
        parts: (outputs, labels, inputs) of n samples to an array (n, ...), whose first axis is the samples'.
        value: the parts of any samples, at least one, to the metric; NaN where those samples do not tell it.
        of_right: whether `parts` are bool (n,) and `value` their mean: then intervals are exact ones for shares.
        needs_labels: whether it has no value without labels.
        needs_inputs: whether `parts` looks at the inputs.
        own: whether it is a function of the user's.
    """

    name: str
    unit: Unit
    higher_is_better: bool
    parts: Callable[[Outputs, Labels, Inputs], Array]
    value: Callable[[Array], float]
    of_right: bool = False
    needs_labels: bool = True
    needs_inputs: bool = False
    own: bool = False


def mean(parts: Array) -> float:
    """The mean of one number a sample."""
    return float(np.mean(parts))
