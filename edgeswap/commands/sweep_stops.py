"""Which candidates of a sweep are not begun, by the reports that are in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from edgeswap.commands.sweep_runs import REPORT
from edgeswap.config.export import ExportConfig
from edgeswap.config.sweep import Planned
from edgeswap.evaluation.hopeless import Limits, hopeless
from edgeswap.records import ExportReport


class Early:
    """Why a candidate need not be begun.

    Args:
        planned: all combinations.
        folder: of the sweep.
        config: of any candidate, for the limits.

    Attributes:
        limits: of the sweep.
    """

    def __init__(self, planned: Sequence[Planned], folder: Path, config: ExportConfig) -> None:
        self._planned, self._folder = planned, folder
        self._done: set[str] = set()
        self.limits = Limits(config.max_drop, config.max_latency_ms, config.max_size, config.max_arena)

    def __call__(self, one: Planned, done_now: Iterable[str]) -> str | None:
        """A sentence, or None where it may hold the limits; `done_now` are exported, beside those of earlier calls."""
        self._done.update(done_now)
        done = [other for other in self._planned if other.name in self._done]
        same_graph = [other for other in done if other.graph_part == one.graph_part]
        same_float = [other for other in done if other.float_part == one.float_part]
        return hopeless(
            self.limits,
            same_graph=[(other.name, read_report(self._folder, other.name)) for other in same_graph],
            same_float=[(other.name, read_report(self._folder, other.name)) for other in same_float],
            trains=one.trains,
        )


def read_report(folder: Path, name: str) -> ExportReport:
    """The report of a candidate that is done."""
    return ExportReport.model_validate_json((folder / name / REPORT).read_text())
