"""What `edgeswap bundle verify` found, on a terminal: a line for each check, and below it what is wrong.

Of other runtime versions a table.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from edgeswap.bundle.drift import Drift
from edgeswap.bundle.verify import Verification
from edgeswap.report.terminal_tables import add_row, new_table

MOST_FAULTS = 10


def render(found: Verification, console: Console) -> None:
    """Print the verdict; of many faults of one kind the first."""
    for check in found.checks:
        mark, style = ("wrong", "bold red") if check.faults else ("right", "green")
        console.print(Text.assemble((f"{mark}  ", style), (check.name, "bold"), f": {check.about}"), soft_wrap=True)
        for fault in check.faults[:MOST_FAULTS]:
            console.print(Text(f"       - {fault}"), soft_wrap=True)
        if len(check.faults) > MOST_FAULTS:
            console.print(Text(f"       and {len(check.faults) - MOST_FAULTS} more"))
    if found.runtimes:
        _runtimes(found.runtimes, console)
    verdict = ("The bundle verifies.", "green") if found.passed else ("The bundle does not verify.", "bold red")
    console.print(Text(*verdict))


def _runtimes(runtimes: Sequence[Drift], console: Console) -> None:
    table = new_table("runtime", "max int8 steps", "allowed", "")
    for row in runtimes:
        steps = ("-" if count is None else str(count) for count in (row.max_steps, row.allowed_steps))
        add_row(table, row.requirement, *steps, _verdict(row))
    console.print(table)
    for row in runtimes:
        if row.problem is not None:
            console.print(Text(f"       - {row.requirement}: {row.problem}"), soft_wrap=True)


def _verdict(row: Drift) -> str:
    if not row.ran:
        return "did not run"
    return "right" if row.problem is None else "wrong"
