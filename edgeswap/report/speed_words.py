"""What terminal and page say of speed, or of what stands in its place: instructions, and a microcontroller's memory."""

from __future__ import annotations

from collections.abc import Iterable

from edgeswap.records import BenchReport, ExportReport, Measurement, MicroMeasurement, SweepFigures, TargetResult
from edgeswap.report import numbers

INSTRUCTIONS = "An emulator counts instructions in place of time. Counts repeat well, but they are not milliseconds."


def speed_gain(target: TargetResult) -> str:
    """How much faster int8 is on a target; in an emulator, how many fewer instructions it takes.

    On a microcontroller, of which nothing tells the time, how much less memory.
    """
    if target.speedup_p50 is not None:
        return numbers.ratio(target.speedup_p50, "faster", "slower", "as fast")
    if target.float32.instructions and target.int8.instructions:
        words = ("fewer instructions", "more instructions", "as many instructions")
        return numbers.ratio(target.float32.instructions / target.int8.instructions, *words)
    if target.float32.micro is not None and target.int8.micro is not None:
        words = ("smaller arena", "larger arena", "as large an arena")
        return numbers.ratio(target.float32.micro.arena.total_bytes / target.int8.micro.arena.total_bytes, *words)
    return "-"


def run_by(target: TargetResult) -> str:
    """Through which interface and delegate the runtime ran the models."""
    api = {"interpreter": "", "compiled": "CompiledModel, "}[target.api]
    return f"{api}delegate {target.delegate}"


def median(figures: Measurement | SweepFigures) -> str:
    """p50, or what stands in its place, for a narrow column."""
    if figures.latency_ms is not None:
        return f"{numbers.three_digits(figures.latency_ms.p50)}{numbers.NBSP}ms"
    if (arena := _arena_bytes(figures)) is not None:
        return f"{numbers.size(arena)} arena"
    return f"{numbers.instructions(figures.instructions)} instr." if figures.instructions else "-"


def measured_in(figures: Iterable[Measurement | SweepFigures]) -> str:
    """What the column of `median` holds, for its header: p50, instructions or arena, and p50 where nothing is known."""
    kinds = {
        "p50" if one.latency_ms is not None else "arena" if _arena_bytes(one) is not None else "instructions"
        for one in figures
        if one.latency_ms is not None or _arena_bytes(one) is not None or one.instructions
    }
    return kinds.pop() if len(kinds) == 1 else "p50"


def _arena_bytes(figures: Measurement | SweepFigures) -> int | None:
    """The memory on a microcontroller; None elsewhere."""
    if isinstance(figures, SweepFigures):
        return figures.arena_bytes
    return None if figures.micro is None else figures.micro.arena.total_bytes


def speed_clause(target: TargetResult, name: str) -> str:
    """What the verdict says of a target; empty where nothing tells how fast it is, or how much it needs."""
    if target.speedup_p50 is not None and target.int8.latency_ms is not None:
        p50 = numbers.three_digits(target.int8.latency_ms.p50)
        return f"is {speed_gain(target)} on {name} (p50 {p50}{numbers.NBSP}ms)"
    if target.int8.instructions and target.float32.instructions:
        return f"takes {speed_gain(target)} on {name} ({numbers.instructions(target.int8.instructions)})"
    if target.int8.micro is not None:
        return f"needs an arena of {numbers.size(target.int8.micro.arena.total_bytes)} on {name}"
    return ""


def counts_instructions(report: ExportReport | BenchReport) -> bool:
    """Whether a target gave instructions instead of time."""
    return any(target.int8.instructions for target in report.targets)


def micro_needs(report: ExportReport | BenchReport, found: MicroMeasurement) -> str:
    """What the int8 model takes on a microcontroller, which kernels, and how far these are from ai-edge-litert's."""
    arena = found.arena
    told = (
        f"A microcontroller needs an arena of {numbers.size(arena.total_bytes)} ({numbers.size(arena.head_bytes)} of "
        f"tensors, {numbers.size(arena.tail_bytes)} that stay) and {numbers.size(report.int8.size_bytes)} of flash for "
        f"the model, with {numbers.plural(len(found.operators), 'kernel')}: {', '.join(found.operators)}."
    )
    if found.differing is None or found.max_steps is None:
        return told
    if not found.differing:
        return f"{told} Its outputs are ai-edge-litert's to the bit."
    return (
        f"{told} {numbers.percent(found.differing)} of its output values differ from ai-edge-litert's, by at most "
        f"{numbers.plural(round(found.max_steps), 'int8 step')}."
    )
