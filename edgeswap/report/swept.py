"""A sweep on a terminal: a row for each candidate, the best of them marked, and the one to take."""

from __future__ import annotations

from rich.console import Console

from edgeswap.records import SweepCandidate, SweepReport
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers
from edgeswap.report.speed_words import measured_in, median
from edgeswap.report.terminal_tables import add_row, new_table, print_filled
from edgeswap.report.wording import printable
from edgeswap.tasks.titles import title


def render(report: SweepReport, console: Console, *, folder: str) -> None:
    """Print the report.

    Args:
        report: of the sweep.
        console: where to print; its width is kept to.
        folder: where everything was written.
    """
    report = printable(report)
    print_filled(console, verdict(report), style="bold" if report.passed else "bold red")
    console.print()
    table = new_table("candidate", loss_title(report), "95 % interval", "size", speed_title(report))
    if report.float32 is not None:
        base = report.float32
        add_row(table, "float32", metrics.of(base.quality), "", numbers.size(base.size_bytes), median(base))
    for one in in_order(report):
        if one.int8 is not None:
            name = f"{'* ' if one.on_front else '  '}{one.name}"
            add_row(table, name, *cells(one), style="bold" if one.name == report.pick else "")
    console.print(table)
    console.print()
    print_filled(console, FRONT, label="front")
    for one in report.candidates:
        if one.problem is not None:
            print_filled(console, f"{one.name}: {one.problem}", label=one.status, style="yellow")
    print_filled(console, f"in {folder}: sweep.json, sweep.html, and a folder for each candidate", label="files")


FRONT = "Starred candidates are on the Pareto front: no other is as good in loss, speed, size and memory."


def in_order(report: SweepReport) -> list[SweepCandidate]:
    """The pick first, then the front, then the rest, each as they were named."""
    return sorted(report.candidates, key=lambda one: (one.name != report.pick, not one.on_front))


def verdict(report: SweepReport) -> str:
    """One sentence: what to take."""
    pick = next((one for one in report.candidates if one.name == report.pick), None)
    done = [one for one in report.candidates if one.status == "done"]
    count = numbers.plural(len(report.candidates), "candidate")
    if report.combinations is not None:
        count += f" (tried of {report.combinations:,} combinations)"
    if pick is not None and pick.int8 is not None:
        best = "smallest in memory" if speed_kind(report) == "arena" else "fastest"
        why = f"the {best} that holds every limit" if pick.limits else "the one that loses least"
        figures = [metrics.named(pick.int8.quality), numbers.size(pick.int8.size_bytes), median(pick.int8)]
        return f"Take {pick.name}, {why} of {count}: {', '.join(part for part in figures if part != '-')}."
    if done:
        return f"None of {count} holds every limit; {len(done)} could be measured."
    return f"None of {count} could be exported."


def loss_title(report: SweepReport) -> str:
    """The header of the column that says how good a candidate is."""
    if report.float32 is None or report.float32.quality.value is None:
        return "near float32"
    return title(report.float32.quality.metric)


def cells(one: SweepCandidate) -> tuple[str, str, str, str]:
    """Quality, interval of the drop, size and speed."""
    assert one.int8 is not None
    quality = one.int8.quality
    if quality.value is not None:
        good = metrics.of(quality)
    elif one.agreement is not None:
        good = numbers.percent(one.agreement)
    else:
        good = "equal" if one.snr_db is None else metrics.value(one.snr_db, "dB")
    return good, metrics.interval_of(quality), numbers.size(one.int8.size_bytes), median(one.int8)


def speed_title(report: SweepReport) -> str:
    """The header of the column of speed, or of what stands in its place."""
    return f"{speed_kind(report)} on {report.target}"


def speed_kind(report: SweepReport) -> str:
    """What the column of speed holds: p50, instructions or arena."""
    return measured_in(one.int8 for one in report.candidates if one.int8 is not None)
