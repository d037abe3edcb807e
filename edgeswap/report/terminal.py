"""The report on a terminal: verdict, figures, what was done, where the files are. Made for 80 columns and no colour.

All text is ASCII but for names of the user's own, so that it prints in any locale.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgeswap.records import ExportReport, Measurement, TargetResult
from edgeswap.report import wording as say

WIDEST_LINE = 100
LABEL_WIDTH = 11
LONGEST_HEADER = 16


def render(report: ExportReport, console: Console, *, folder: str | None = None) -> None:
    """Print the report.

    Args:
        report: what was measured.
        console: where to print; its width is kept to.
        folder: the output folder, named where the files are listed.
    """
    report = say.printable(report)
    width = min(console.width, WIDEST_LINE)
    style = "bold red" if not report.passed else "bold green" if report.limits else "bold"
    _print(console, _filled(say.verdict(report), width), style)
    tables = [_models(report), *([_targets(report)] if len(report.targets) > 1 else [])]
    for table in tables:
        console.print()
        console.print(table)
    console.print()
    for label, text, style in _items(report, folder):
        _print(console, _filled(text, width, label), style)


def _items(report: ExportReport, folder: str | None) -> Iterator[tuple[str, str, str]]:
    """Label, text and style of each paragraph below the figures."""
    for text in filter(None, (say.significance(report), say.control(report))):
        yield "accuracy", text, ""
    for limit in report.limits:
        outcome = "passed" if limit.passed else "FAILED"
        yield "limit", f"{limit.name} {outcome}: {say.limit_text(limit)}", "" if limit.passed else "red"
    for target in report.targets:
        for warning in target.warnings:
            yield "warning", f"{target.name}: {warning}", "yellow"
    yield "swapped", say.swapped(report), ""
    for kept in say.kept(report):
        yield "kept", f"{len(kept.layers)} {kept.activation} ({say.shortened(kept.layers)}): {kept.reason}", ""
    if report.left_to_calibration:
        names = say.shortened(report.left_to_calibration)
        yield "calibrated", f"ranges of layers that edgeswap does not know were left to the converter: {names}", ""
    if report.ranges is not None:
        yield "ranges", say.ranges(report), ""
    if report.parity is not None:
        yield "parity", say.parity(report), ""
    for target in report.targets:
        yield "measured", _measured(report, target), "dim"
    files = ", ".join((report.float32.file, report.int8.file, "report.json", "report.html"))
    yield "files", f"in {folder}: {files}" if folder else files, ""


def _measured(report: ExportReport, target: TargetResult) -> str:
    parts = [f"{target.name}: {target.cpu}, {target.machine}", f"{target.runtime}, delegate {target.delegate}"]
    if target.int8.latency_ms is not None:
        parts.append(
            say.plural(target.int8.latency_ms.runs, "run")
            + " on "
            + say.plural(target.int8.latency_ms.threads, "thread")
        )
    if (target.float32.accuracy, target.int8.accuracy) != (report.float32.accuracy, report.int8.accuracy):
        parts.append(say.target_accuracy(target, report.precision))
    return "; ".join(parts)


def _models(report: ExportReport) -> Table:
    """A row a model, with the latency where there is one target; several have a table of their own."""
    comparison = report.comparison
    labelled = comparison.top1_drop is not None
    target = report.targets[0] if len(report.targets) == 1 else None
    accuracy_headers = ("top-1", "95 % interval") if labelled else ("agreement",)
    table = _table("", *accuracy_headers, "size", *((_speed_header(target),) if target else ()))
    files = {"float32": report.float32, report.precision: report.int8}
    for stage in say.stages(report):
        if not labelled and stage.name not in files:
            continue  # agreement is known of int8 alone
        cells = [stage.name if stage.name in files else f"  {stage.name}"]
        if labelled:
            cells += [say.percent(stage.accuracy.top1), say.percent_interval(stage.accuracy.ci95)]
        else:
            cells += [say.percent(comparison.top1_agreement) if stage.name == report.precision else "-"]
        cells += [say.size(files[stage.name].size_bytes) if stage.name in files else ""]
        if target:
            measured = {"float32": target.float32, report.precision: target.int8}.get(stage.name)
            cells += [_speed(measured) if measured else ""]
        _add(table, *cells, style="bold" if stage.name == report.precision else "")
    table.add_section()
    drop = (
        ("",)
        if comparison.top1_drop is None
        else (f"{say.number_of_points(comparison.top1_drop)} points", say.points_interval(comparison.top1_drop_ci95))
    )
    label = "drop, gain" if labelled else "gain"
    _add(table, label, *drop, say.size_gain(report), *((say.speed_gain(target),) if target else ()))
    return table


def _targets(report: ExportReport) -> Table:
    """A row a target: p50 and p90 of both models, and the gain."""
    table = _table("p50 / p90 on", "float32", report.precision, f"{report.precision} is")
    for target in report.targets:
        gain = say.speed_gain(target).removesuffix(" instructions")
        _add(table, target.name, _speed(target.float32), _speed(target.int8), gain)
    return table


def _speed_header(target: TargetResult) -> str:
    figures = "p50 / p90" if target.int8.latency_ms is not None else "an inference"
    return "\n".join([*textwrap.wrap(target.name, LONGEST_HEADER), figures])


def _speed(measurement: Measurement) -> str:
    latency_ms = measurement.latency_ms
    if latency_ms is not None:
        return f"{say.three_digits(latency_ms.p50)} / {say.three_digits(latency_ms.p90)} ms"
    return f"{say.instructions(measurement.instructions)} instr." if measurement.instructions else "-"


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, header_style="bold")
    for index, header in enumerate(headers):
        table.add_column(Text(header), justify="right" if index else "left", no_wrap=index > 0, overflow="fold")
    return table


def _add(table: Table, *cells: str, style: str = "") -> None:
    table.add_row(*(Text(_plain(cell)) for cell in cells), style=style)


def _filled(text: str, width: int, label: str = "") -> str:
    # rich would part a number from its unit; textwrap leaves no-break spaces alone.
    first, later = (f"{label:<{LABEL_WIDTH}}", " " * LABEL_WIDTH) if label else ("", "")
    width = max(width, 2 * LABEL_WIDTH)
    whole: dict[str, Any] = {"break_on_hyphens": False, "break_long_words": False}  # a name stays one word to copy
    return _plain(textwrap.fill(text, width, initial_indent=first, subsequent_indent=later, **whole))


def _plain(text: str) -> str:
    return text.replace(say.NBSP, " ")


def _print(console: Console, text: str, style: str) -> None:
    console.print(Text(text, style=style), soft_wrap=True)
