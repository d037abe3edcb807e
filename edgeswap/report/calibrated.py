"""Which calibration samples `edgeswap calibrate` chose, on a terminal: what they cover beside a random choice."""

from __future__ import annotations

from rich.console import Console

from edgeswap.records import CalibrationManifest, Coverage
from edgeswap.report import numbers
from edgeswap.report.terminal_tables import add_row, new_table, print_filled


def render(manifest: CalibrationManifest, console: Console, *, file: str) -> None:
    """Print the manifest.

    Args:
        manifest: of the choice.
        console: where to print; its width is kept to.
        file: where the samples were written.
    """
    of = "tensors of the model" if manifest.model is not None else "channels of the inputs"
    text = (
        f"{numbers.plural(manifest.samples, 'sample')} of {manifest.data.samples:,} chosen: {manifest.for_ranges} "
        f"extend the ranges of {manifest.ranges:,} {of}, {manifest.at_random} were drawn by chance."
    )
    print_filled(console, text, style="bold")
    table = new_table("", "ranges, mean", "ranges, lowest", "classes")
    for name, found in (("chosen", manifest.chosen), ("random", manifest.random)):
        add_row(table, name, *_cells(found), style="bold" if name == "chosen" else "")
    console.print()
    console.print(table)
    console.print()
    print_filled(console, f"{file}; pass it to edgeswap export as --calibration.", label="written")


def _cells(found: Coverage) -> tuple[str, str, str]:
    classes = "-" if found.classes is None else str(found.classes)
    return numbers.percent(found.mean), numbers.percent(found.lowest), classes
