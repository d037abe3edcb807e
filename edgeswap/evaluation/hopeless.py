"""Whether a candidate of a sweep can still hold the limits, by what its siblings have shown already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeswap.records import ExportReport, Quality

# Two int8 files of one graph differ in the values of scales and in what is merged of them: by 0.6 % at most in the six
# runs of the table in README.md. Memory of a microcontroller goes by the same tensors.
SAME_GRAPH = 1.05
# Siblings were timed beside other exports, which took some of the processor.
TIMED_BESIDE_OTHERS = 1.5


@dataclass(frozen=True)
class Limits:
    """Those of a sweep; None where there is none.

    Attributes:
        max_drop: percentage points of a share, else in the unit of the metric.
        max_latency_ms: milliseconds on the first target.
        max_size: bytes.
        max_arena: bytes.
    """

    max_drop: float | None
    max_latency_ms: float | None
    max_size: int | None
    max_arena: int | None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return any(each is not None for each in (self.max_drop, self.max_latency_ms, self.max_size, self.max_arena))


def hopeless(
    limits: Limits,
    *,
    same_graph: Sequence[tuple[str, ExportReport]],
    same_float: Sequence[tuple[str, ExportReport]],
    trains: bool,
) -> str | None:
    """Why a candidate cannot hold the limits, as a sentence; None where it may.

    Args:
        limits: of the sweep.
        same_graph: name and report of candidates whose file has the same operators and weights of the same types:
            only values differ, as between PTQ and QAT. They tell size, memory and time.
        same_float: likewise of candidates that quantize the same float model. They tell its quality, which a candidate
            that trains no further keeps at best. QAT may make up for a loss, so it is not judged by that.
        trains: whether the candidate trains with fake-quant.
    """
    for name, report in same_graph:
        if (found := _too_large(limits, name, report)) is not None:
            return found
    if limits.max_drop is not None and not trains:
        for name, report in same_float:
            if (lost := _least_drop(report)) is not None and lost > limits.max_drop:
                return (
                    f"Its float32 model, that of {name}, loses at least {lost:.2f} before int8 (the near end of its "
                    f"95 % interval); --max-drop is {limits.max_drop:g}, and this candidate trains no further."
                )
    return None


def _too_large(limits: Limits, name: str, report: ExportReport) -> str | None:
    size = report.int8.size_bytes
    if limits.max_size is not None and size > limits.max_size * SAME_GRAPH:
        return f"Its graph is that of {name}, whose file has {size:,} bytes; --max-size is {limits.max_size:,}."
    if not report.targets:
        return None
    arenas = [target.int8.micro.arena.total_bytes for target in report.targets if target.int8.micro is not None]
    if limits.max_arena is not None and arenas and arenas[0] > limits.max_arena * SAME_GRAPH:
        return f"Its graph is that of {name}, which needs {arenas[0]:,} bytes; --max-arena is {limits.max_arena:,}."
    latency = report.targets[0].int8.latency_ms
    limit = limits.max_latency_ms
    if limit is not None and latency is not None and latency.p50 > limit * TIMED_BESIDE_OTHERS:
        return f"Its graph is that of {name}, which took {latency.p50:.3g} ms; --max-latency-ms is {limit:g}."
    return None


def _least_drop(report: ExportReport) -> float | None:
    """How much the float model loses at least before it is quantized; None where nothing was swapped, or none knows."""
    stage, given = report.float32_recovered or report.float32_swapped, report.float32.quality
    if stage is None or given is None or given.value is None or stage.quality.ci95 is None:
        return None
    return _drop(given, stage.quality.ci95[1 if given.higher_is_better else 0])


def _drop(given: Quality, value: float) -> float:
    assert given.value is not None
    drop = given.value - value if given.higher_is_better else value - given.value
    return drop * 100 if given.unit == "share" else drop
