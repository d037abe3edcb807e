"""One call of a TFLite operator, as far as a target asks about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """An operator between tensors; before conversion what is expected, after it what stands in the file.

    Attributes:
        name: builtin name, such as `CONV_2D`.
        inputs: shapes of what it reads that is not constant, batch included.
        outputs: shapes of what it writes.
        options: what tables ask for, where it is known: `dilation` (y, x), `axes` of a reduction, `fused` activation,
            `strides`, `padding` (before, after) by dimension, `slope_shape`, `constant_inputs`, `shuffled_weights`,
            `ellipsis_or_new_axis`, `constants_are_zero`, `pieces` that are joined or split, `types` (read, written) of
            a QUANTIZE, and `of_rows`, see `is_of_rows`.
        version: of the operator; None where it is not known.
    """

    name: str
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None

    @property
    def is_of_rows(self) -> bool:
        """Whether it is a BATCH_MATMUL that gives one number for each row, which no more than reads its input."""
        single = bool(self.outputs) and all(shape[-2:] == (1, 1) for shape in self.outputs)
        return self.name == "BATCH_MATMUL" and bool(self.options.get("of_rows", single))
