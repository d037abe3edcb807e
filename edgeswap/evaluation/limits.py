"""The limits that the user set, and how a candidate stands to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from edgeswap.errors import ConfigError
from edgeswap.records import Comparison, Limit, TargetResult


def judge(
    comparison: Comparison,
    *,
    candidate_size_bytes: int,
    candidate_latency_ms: float | None,
    max_drop: float | None = None,
    max_latency_ms: float | None = None,
    max_size: float | None = None,
    candidate_arena_bytes: int | None = None,
    max_arena: float | None = None,
) -> list[Limit]:
    """How the candidate stands to the limits that were set; a value equal to its limit passes.

    Args:
        comparison: gives what `max_drop` is held against: its drop; where there is none, for want of labels, the share
            of decisions that differ, in percent; where nothing is decided, the error of the worst output in percent of
            its values, both as root mean square.
        candidate_size_bytes: of the int8 file.
        candidate_latency_ms: p50 of the int8 model on the first target; None where the target measures no time.
        max_drop: percentage points of a share, else in the unit of the metric.
        max_latency_ms: milliseconds.
        max_size: bytes.
        candidate_arena_bytes: of the int8 model on a microcontroller; None where that was not measured.
        max_arena: bytes.

    Raises:
        ConfigError: `max_latency_ms` with a target that measures no time.
    """
    if max_latency_ms is not None and candidate_latency_ms is None:
        raise ConfigError(
            "Expected a first target that measures time for --max-latency-ms, it measures none.",
            "Name host or a board as the first --target.",
        )
    drop = comparison.drop
    if drop is None:
        drop = _difference(comparison)
    held: list[tuple[Literal["max_drop", "max_latency_ms", "max_size", "max_arena"], float | None, float | None]] = [
        ("max_drop", max_drop, drop),
        ("max_latency_ms", max_latency_ms, candidate_latency_ms),
        ("max_size", max_size, candidate_size_bytes),
        ("max_arena", max_arena, candidate_arena_bytes),
    ]
    return [
        Limit(name=name, limit=limit, value=value, passed=value <= limit)
        for name, limit, value in held
        if limit is not None and value is not None
    ]


def judge_delegate(results: Sequence[TargetResult], *, applied: bool, operators: int) -> Limit:
    """How candidates stand to `--require-delegate`: the most operators that the delegate left on one target.

    Args:
        results: of every candidate on every target that gave figures.
        applied: whether the delegate that was asked for is used; an Edge TPU takes nothing of a model that is not
            compiled.
        operators: how many the candidate has.
    """
    left = max((len(one.int8.outside_delegate or ()) for one in results), default=0) if applied else operators
    return Limit(name="require_delegate", limit=0, value=left, passed=not left)


def _difference(comparison: Comparison) -> float:
    """How far int8 is from float32 without labels, in percent."""
    if comparison.agreement is not None:
        return 100 * (1 - comparison.agreement)
    ratios = [output.snr_db for output in comparison.outputs if output.snr_db is not None]
    return 100 * 10 ** (-min(ratios) / 20) if ratios else 0.0
