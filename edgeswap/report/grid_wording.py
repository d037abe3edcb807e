"""How values lie on the int8 grid, in words, for those who do not see the drawing."""

from __future__ import annotations

from edgeswap.records import GridShares
from edgeswap.report import numbers

STEPS = 256


def range_of(grid: GridShares | None) -> str:
    """Both ends in real values; `by channel` for weights with a scale for each."""
    if grid is None:
        return "-"
    if grid.low is None or grid.high is None:
        return "by channel"
    return f"{grid.low:.3g} to {grid.high:.3g}"


def half_on(grid: GridShares | None) -> str:
    """On how few of the 256 int8 values half of the values lie, in parts of 8, such as `16 of 256`."""
    if grid is None:
        return "-"
    held, parts = 0.0, 0
    for share in sorted(grid.shares, reverse=True):
        if held >= sum(grid.shares) / 2:
            break
        held, parts = held + share, parts + 1
    return f"{parts * STEPS // len(grid.shares)} of {STEPS}"


def cut(grid: GridShares | None) -> str:
    """The share that lies beyond the range, such as `0.12 %`; `none` where all lie on it."""
    if grid is None:
        return "-"
    share = grid.below + grid.above
    return "none" if share == 0 else f"{100 * share:.2g}{numbers.NBSP}%"
