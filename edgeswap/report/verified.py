"""What `edgeswap bundle verify` found, on a terminal: a line for each check, and below it what is wrong."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from edgeswap.bundle.verify import Verification

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
    verdict = ("The bundle verifies.", "green") if found.passed else ("The bundle does not verify.", "bold red")
    console.print(Text(*verdict))
