"""Of the candidates of a sweep those that are worth a look, and the one to take."""

from __future__ import annotations

from collections.abc import Sequence

from edgeswap.evaluation.pareto import front
from edgeswap.records import SweepCandidate


def loss(one: SweepCandidate) -> float:
    """What a candidate loses, lower is better: points, or without labels decisions that differ, or noise."""
    if one.drop is not None:
        return one.drop
    if one.agreement is not None:
        return 1 - one.agreement
    return -(one.snr_db if one.snr_db is not None else float("inf"))


def _cost(one: SweepCandidate) -> float:
    """How slow it is on the first target, or where that takes no time, how much memory it needs; 0 if nothing tells."""
    assert one.int8 is not None
    if one.int8.latency_ms is not None:
        return one.int8.latency_ms.p50
    return one.int8.instructions or one.int8.arena_bytes or 0.0


def with_front(candidates: Sequence[SweepCandidate]) -> list[SweepCandidate]:
    """The same candidates, each told whether it is on the Pareto front of loss, speed, size and memory."""
    done = [one for one in candidates if one.int8 is not None]
    costs = [(loss(one), _cost(one), one.int8.size_bytes, one.int8.arena_bytes or 0) for one in done if one.int8]
    best = {one.name for one, is_best in zip(done, front(costs), strict=True) if is_best}
    return [one.model_copy(update={"on_front": one.name in best}) for one in candidates]


def picked(candidates: Sequence[SweepCandidate]) -> str | None:
    """Name of the fastest, or of the smallest in memory, that holds every limit; without limits of what loses least.

    None where none holds the limits.
    """
    held = [one for one in candidates if one.passed]
    if not held:
        return None
    if any(one.limits for one in held):
        return min(held, key=lambda one: (_cost(one), loss(one))).name
    return min(held, key=lambda one: (loss(one), _cost(one))).name
