"""What `edgeswap bench` measured, on a terminal; as `edgeswap.report.terminal` shows an export."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from edgeswap.records import BenchReport
from edgeswap.report import wording as say
from edgeswap.report.figures import Item, how_measured, said_of_targets, show


def render(report: BenchReport, console: Console, *, file: str | None = None) -> None:
    """Print the report.

    Args:
        report: what was measured.
        console: where to print; its width is kept to.
        file: where the report was written, if anywhere.
    """
    report = say.printable(report)
    style = "bold red" if report.failures else "bold"
    show(report, (say.bench_verdict(report), style), _items(report, file), console)


def _items(report: BenchReport, file: str | None) -> Iterator[Item]:
    if text := say.significance(report):
        yield "accuracy", text, ""
    yield from said_of_targets(report)
    yield "models", f"{report.float32.file} against {report.int8.file}", ""
    if report.data is not None:
        resized = f", resized by {report.resize}" if report.resize else ""
        samples = say.plural(report.data.samples, "sample")
        yield "data", f"{samples} of {report.data.source}, preprocess {report.preprocess}{resized}", ""
    yield from how_measured(report)
    if file is not None:
        yield "written", file, ""
