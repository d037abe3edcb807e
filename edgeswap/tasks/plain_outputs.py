"""Plain outputs: any number of any shape, judged by how near the int8 model is to the float32 one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from edgeswap.tasks.metric import Labels, Metric, Outputs
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.task import Shown


@dataclass(frozen=True)
class PlainOutputs:
    """Any outputs; only a metric of your own looks at labels. See `Task`."""

    name: str = "outputs"
    shown: Shown = "values"
    needs: str = "any outputs"
    takes: str = ""

    def can_be(self, model: Signature) -> bool:
        """Always."""
        return True

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """Several outputs, or no labels, and no other task fits."""
        if len(model.outputs) > 1:
            unused = "" if labels is None else "; only a metric of your own would use the labels"
            return f"{len(model.outputs)} outputs{unused}"
        output = model.outputs[0]
        return f"one {output.head} output of shape {output.shape}, without labels" if labels is None else None

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """As they are."""
        return given

    def classes(self, model: Signature) -> int | None:
        """None."""
        return None

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """None of one model alone: the signal-to-noise ratio of the worst output compares two."""
        return ()

    def decisions(self, outputs: Outputs, model: Signature) -> npt.NDArray[Any] | None:
        """Nothing is decided."""
        return None

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, npt.NDArray[Any]]:
        """Only the teacher is there to learn from."""
        return {}
