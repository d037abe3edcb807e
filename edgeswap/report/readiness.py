"""What `edgeswap target list` shows: each target, whether it is ready, and what mends it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from edgeswap.targets.readiness import Readiness

WIDEST_LINE = 70


def render(found: Sequence[Readiness], console: Console) -> None:
    """Print a block for each kind of target; those that differ in name alone stand in one."""
    for names, about, missing in _alike(found):
        mark, style = ("needs", "yellow") if missing else ("ready", "green")
        for number, line in enumerate(textwrap.wrap(names, WIDEST_LINE, break_on_hyphens=False)):
            console.print(Text.assemble((f"{'' if number else mark:7}", style), (line, "bold")), soft_wrap=True)
        console.print(Text(f"       {about}", style="dim"), soft_wrap=True)
        for sentence in missing:
            console.print(Text(f"       - {sentence}"), soft_wrap=True)  # a command stays one line to copy


def _alike(found: Sequence[Readiness]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for entry in found:
        groups.setdefault((entry.about, entry.missing), []).append(entry.name)
    for (about, missing), names in groups.items():
        yield ", ".join(names), about, missing
