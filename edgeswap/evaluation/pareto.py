"""Which candidates are worth a look: those that no other beats in everything."""

from __future__ import annotations

from collections.abc import Sequence


def front(figures: Sequence[Sequence[float]]) -> list[bool]:
    """Whether each candidate is on the Pareto front.

    Args:
        figures: of each candidate what it costs, lower is better, each in the same order; equal ones are all on it.

    Returns:
        False where another is at least as good in every figure and better in one.
    """
    return [not any(_beats(other, one) for other in figures) for one in figures]


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)
