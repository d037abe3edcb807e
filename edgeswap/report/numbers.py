"""Numbers as text, for terminal, page and plots alike. A number and its unit are joined by a no-break space."""

from __future__ import annotations

import math
from datetime import datetime, timezone

NBSP = "\u00a0"


def percent(share: float | None) -> str:
    """0.974 as `97.4 %`."""
    return "-" if share is None else f"{100 * share:.1f}{NBSP}%"


def percent_interval(interval: tuple[float, float] | None) -> str:
    """(0.957, 0.985) as `95.7 to 98.5 %`."""
    return "-" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}{NBSP}%"


def number_of_points(points: float) -> str:
    """Percentage points with two digits, and never as `-0.00`."""
    return f"{round(points, 2) + 0.0:.2f}"


def drop_or_gain(drop: float) -> str:
    """What a change of top-1 is called: a drop below 0 is a gain."""
    return "drop" if drop >= 0 else "gain"


def points_interval(interval: tuple[float, float] | None) -> str:
    """(-0.56, 0.93) as `-0.56 to 0.93`."""
    return "-" if interval is None else f"{_end_of_interval(interval[0])} to {_end_of_interval(interval[1])}"


def _end_of_interval(points: float) -> str:
    """Two digits, or as many as tell it from 0: whether an interval holds 0 is what it says of chance."""
    if points == 0 or round(points, 2):
        return number_of_points(points)
    digits = -math.floor(math.log10(abs(points)))
    return f"{points:.{digits}f}"


def size(size_bytes: int) -> str:
    """Bytes as `94.1 kB`, 1 kB being 1000 bytes."""
    kilobytes = size_bytes / 1000
    return f"{kilobytes:,.0f}{NBSP}kB" if kilobytes >= 1000 else f"{kilobytes:.1f}{NBSP}kB"


def three_digits(value: float) -> str:
    """Three significant digits, never with an exponent: 0.0912, 10.8, 1,240."""
    if value >= 100:
        return f"{value:,.0f}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:.10f}".rstrip("0").rstrip(".") if rounded < 1 else f"{value:#.3g}".rstrip(".")


def ratio(value: float, more: str, less: str, equal: str) -> str:
    """2.33 as `2.3x faster`, 0.5 as `2.0x slower`, 1.02 as `as fast`, with the words given."""
    factor = value if value >= 1 else 1 / value
    if factor < 1.05:
        return equal
    return (
        f"{factor:.1f}x {more if value > 1 else less}"
        if factor < 9.95
        else f"{factor:.0f}x {more if value > 1 else less}"
    )


def instructions(count: float) -> str:
    """Instructions an inference, three digits of them: in millions as `48.9 M`; below one million as `12,300`."""
    rounded = float(f"{count:.3g}")
    return f"{rounded:,.0f}" if rounded < 1e6 else f"{three_digits(rounded / 1e6)}{NBSP}M"


def plural(count: int, thing: str) -> str:
    """`1 run`, `500 runs`."""
    return f"{count:,}{NBSP}{thing}" if count == 1 else f"{count:,}{NBSP}{thing}s"


def day_and_time(created: str) -> str:
    """A report's ISO 8601 time, which is UTC, as `2026-11-21 22:36 UTC`."""
    moment = datetime.fromisoformat(created.replace("Z", "+00:00"))  # Python 3.10 knows no Z
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
