"""What `edgeswap bench` measured, on a terminal, in the form in which `edgeswap.report.terminal` shows an export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from edgeswap.data.mean_std import described
from edgeswap.records import BenchReport
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers, speed_words
from edgeswap.report import task_words as told
from edgeswap.report import wording as say
from edgeswap.report.terminal_tables import (
    Item,
    add_row,
    header,
    how_measured,
    nearness,
    new_table,
    quality_columns,
    said_of_limits,
    said_of_targets,
    show,
    speed,
    speed_header,
    tables_of,
)


def render(report: BenchReport, console: Console, *, file: str | None = None) -> None:
    """Print the report.

    Args:
        report: what was measured.
        console: where to print; its width is kept to.
        file: where the report was written, if anywhere.
    """
    report = say.printable(report)
    pairs = say.pairs(report)
    failed = report.failures or any(not limit.passed for limit in report.limits)
    style = "bold red" if failed else "bold"
    tables = tables_of(report) if len(pairs) == 1 else _of_several(report, pairs)
    show(report, (say.bench_verdict(report), style), _items(report, pairs, file), console, tables=tables)


def _items(report: BenchReport, pairs: Sequence[BenchReport], file: str | None) -> Iterator[Item]:
    for pair in pairs[1:]:
        yield "", say.bench_verdict(pair), "bold"
    for pair in pairs:
        if text := say.significance(pair):
            yield "quality", text, ""
        if text := say.outputs(pair):
            yield "outputs", text, ""
        if text := told.metrics_of_outputs(pair):
            yield "metrics", text, ""
        if text := told.lost_classes(pair.comparison):
            yield "classes", text, ""
    yield from said_of_targets(report)
    yield from said_of_limits(report)
    if report.task is not None:
        yield "task", f"{report.task.name}: {report.task.reason}", ""
    yield "models", f"{report.float32.file} against {', '.join(pair.int8.file for pair in pairs)}", ""
    if report.data is not None:
        resized = f", resized by {report.resize}" if report.resize else ""
        samples = numbers.plural(report.data.samples, "sample")
        yield "data", f"{samples} of {report.data.source}, preprocess {described(report.preprocess or '')}{resized}", ""
    yield from how_measured(report)
    if file is not None:
        yield "written", file, ""


def _of_several(report: BenchReport, pairs: Sequence[BenchReport]) -> list[Table]:
    """A row for each model, with its latency if there is one target; several targets have a table of their own."""
    target = report.targets[0] if len(report.targets) == 1 else None
    comparison = report.comparison
    shown = quality_columns(comparison)
    labelled = len(shown) == 2
    headers = (header(shown[0]), "drop") if labelled else shown
    speeds = (speed_header(target), "") if target else ()
    models = new_table("", *headers, "size", *speeds)
    first = [metrics.of(report.float32.quality), ""] if labelled else ["-"] * len(shown)
    first += [numbers.size(report.float32.size_bytes), *((speed(target.float32), "") if target else ())]
    add_row(models, say.baseline_name(report), *first)
    for pair in pairs:
        cells = [say.candidate_name(pair)]
        if pair.comparison is not None and pair.comparison.drop is not None:
            cells += [
                metrics.of(pair.int8.quality),
                metrics.short_difference(pair.comparison.drop, pair.comparison.unit),
            ]
        elif pair.comparison is not None:
            cells += [nearness(pair.comparison)]
        cells += [numbers.size(pair.int8.size_bytes)]
        if target:
            cells += [speed(pair.targets[0].int8), speed_words.speed_gain(pair.targets[0])]
        add_row(models, *cells, style="bold")
    if target:
        return [models]
    targets = new_table("p50 / p90 on", say.baseline_name(report), *map(say.candidate_name, pairs))
    for place, one in enumerate(report.targets):
        speeds_there = (speed(pair.targets[place].int8) for pair in pairs)
        add_row(targets, say.label(report, one), speed(one.float32), *speeds_there)
    return [models, targets]
