"""What the terminal shows of any report: tables of models, targets and NPUs, and paragraphs of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgeswap.records import BenchCandidate, Comparison, ExportReport, Measurement, TargetResult
from edgeswap.report import activation_words, delegate_words, numbers, speed_words
from edgeswap.report import metric_words as metrics
from edgeswap.report import wording as say
from edgeswap.report.limit_words import limit_text
from edgeswap.report.npus import edge_tpu, npu_basis, operators_on
from edgeswap.tasks.titles import title

WIDEST_LINE = 100
LABEL_WIDTH = 11
LONGEST_HEADER = 16
UNMEASURED = "nothing (--no-measure): how good and how fast the model is, nobody knows yet"

Item = tuple[str, str, str]  # label, text and style of a paragraph


def show(
    report: say.Report,
    verdict: tuple[str, str],
    items: Iterator[Item],
    console: Console,
    *,
    tables: Sequence[Table] | None = None,
) -> None:
    """Print a report.

    Args:
        report: printable.
        verdict: the first sentence and its style; the report's warnings stand right below it.
        items: paragraphs below the figures.
        console: where to print; its width is kept to.
        tables: of the figures; None is those of a report of two models.
    """
    width = min(console.width, WIDEST_LINE)
    _print(console, _filled(verdict[0], width), verdict[1])
    for caution in say.cautions(report):
        _print(console, _filled(f"{caution.problem} {caution.remedy}", width, "warning"), "yellow")
    for table in tables_of(report) if tables is None else tables:
        console.print()
        console.print(table)
    console.print()
    for label, text, style in items:
        _print(console, _filled(text, width, label), style)


def tables_of(report: say.Report) -> list[Table]:
    """The figures of two models: a table of models, and if there are several targets, tables of targets and NPUs."""
    several = [targets(report)] if len(report.targets) > 1 else []
    return [models(report), *several, *([npus(report)] if report.npus else [])]


def said_of_limits(report: say.Report) -> Iterator[Item]:
    """Each limit, its value and whether it holds."""
    for limit in report.limits:
        outcome = "passed" if limit.passed else "FAILED"
        text = f"{limit.name} {outcome}: {limit_text(limit, report)}"
        yield "limit", text, "" if limit.passed else "red"


def said_of_targets(report: say.Report) -> Iterator[Item]:
    """Failures and warnings of targets, and what an NPU does not run."""
    for failure in report.failures:
        yield "failed", f"{failure.problem} {failure.remedy}", "red"
    for warning, names in say.warnings(report):
        yield "warning", f"{names}: {warning}", "yellow"
    for line in delegate_words.outside(report):
        yield "outside", line, ""
    for npu in report.npus:
        for reason in npu.cpu_reasons:
            yield "on the CPU", f"{npu.accelerator}: {reason}", "yellow"
    if report.edgetpu is not None:
        yield "edge TPU", edge_tpu(report.edgetpu), "yellow" if report.edgetpu.leaves_at else ""


def how_measured(report: say.Report) -> Iterator[Item]:
    """Where each figure comes from."""
    if isinstance(report, ExportReport) and not report.measured:
        yield "measured", UNMEASURED, ""
    for target in report.targets:
        yield "measured", _measured(report, target), "dim"
    for name, one in say.each_candidate(report):
        for target in one.targets:
            if target.int8.micro is not None:
                needs = speed_words.micro_needs(one, target.int8.micro)
                yield "memory", f"{name}: {needs}" if name else needs, ""
    for line in activation_words.activations(report):
        yield "activation", line, "dim"
    for npu in report.npus:
        yield "estimated", npu_basis(npu), "dim"


def _measured(report: say.Report, target: TargetResult) -> str:
    parts = [f"{target.name}: {target.cpu}, {target.machine}", f"{target.runtime}, {speed_words.run_by(target)}"]
    if target.int8_instructions:
        parts.append(f"int8 instructions {', '.join(target.int8_instructions)}")
    if target.int8.latency_ms is not None:
        parts.append(
            numbers.plural(target.int8.latency_ms.runs, "run")
            + " on "
            + numbers.plural(target.int8.latency_ms.threads, "thread")
        )
    if (target.float32.quality, target.int8.quality) != (report.float32.quality, report.int8.quality):
        parts.append(say.target_quality(target, say.candidate_name(report), say.baseline_name(report)))
    return "; ".join(parts)


def models(report: say.Report) -> Table:
    """A row for each model, with the latency if there is one target; several targets have a table of their own."""
    comparison = say.compared_quality(report)
    target = report.targets[0] if len(report.targets) == 1 else None
    shown = quality_columns(comparison)
    table = new_table("", *map(header, shown), "size", *((speed_header(target),) if target else ()))
    baseline, candidate = say.baseline_name(report), say.candidate_name(report)
    files = {baseline: report.float32, candidate: report.int8}
    for stage in say.stages(report):
        if len(shown) < 2 and stage.name not in files:
            continue  # how near it is to the baseline is known of int8 alone
        cells = [stage.name if stage.name in files else f"  {stage.name}"]
        if len(shown) == 2:
            cells += [metrics.of(stage.quality), metrics.interval_of(stage.quality)]
        elif comparison and shown:
            cells += [nearness(comparison) if stage.name == candidate else "-"]
        cells += [numbers.size(files[stage.name].size_bytes) if stage.name in files else ""]
        if target:
            measured = {baseline: target.float32, candidate: target.int8}.get(stage.name)
            cells += [speed(measured) if measured else ""]
        add_row(table, *cells, style="bold" if stage.name == candidate else "")
    for other in say.compared(report):
        add_row(table, *_row_of(other, report, shown))
    table.add_section()
    label, *drop = (f"{candidate} is", *[""] * len(shown))
    if comparison is not None and comparison.drop is not None and report.int8.quality is not None:
        label = metrics.change_word(comparison, higher_is_better=report.int8.quality.higher_is_better)
        drop = list(metrics.change(comparison))
    add_row(table, label, *drop, say.size_gain(report), *((speed_words.speed_gain(target),) if target else ()))
    return table


def _row_of(other: BenchCandidate, report: say.Report, shown: Sequence[str]) -> list[str]:
    """The cells of a model that `--compare` named."""
    cells = [other.name]
    if len(shown) == 2:
        cells += [metrics.of(other.model.quality), metrics.interval_of(other.model.quality)]
    elif shown:
        cells += ["-" if other.comparison is None else nearness(other.comparison)]
    cells += [numbers.size(other.model.size_bytes)]
    return [*cells, speed(other.targets[0].int8)] if len(report.targets) == 1 else cells


def quality_columns(comparison: Comparison | None) -> tuple[str, ...]:
    """The headers of the columns that say how good a model is: two with labels, else one, or none."""
    if comparison is None:
        return ()
    if comparison.drop is not None:
        return title(comparison.metric), "95 % interval"
    return ("agreement",) if comparison.agreement is not None else ("signal / noise",)


def nearness(comparison: Comparison) -> str:
    """How near a candidate is to the baseline where there are no labels."""
    if comparison.agreement is not None:
        return numbers.percent(comparison.agreement)
    if not comparison.outputs:
        return "-"  # nothing was measured
    worst = metrics.worst_output(comparison)
    return "equal" if worst is None else metrics.value(worst.snr_db, "dB")


def targets(report: say.Report) -> Table:
    """A row for each target: p50 and p90 of both models, and the ratio."""
    candidate, others = say.candidate_name(report), say.compared(report)
    names = (other.name for other in others)
    table = new_table("p50 / p90 on", say.baseline_name(report), *names, candidate, f"{candidate} is")
    for place, target in enumerate(report.targets):
        gain = speed_words.speed_gain(target).removesuffix(" instructions").removesuffix(" arena")
        theirs = (speed(other.targets[place].int8) for other in others)
        add_row(table, say.label(report, target), speed(target.float32), *theirs, speed(target.int8), gain)
    return table


def npus(report: say.Report) -> Table:
    """A row for each NPU, with the estimates of its compiler."""
    table = new_table("estimated for", "operators on it", "cycles", "time", "SRAM")
    for npu in report.npus:
        on_it = operators_on(npu.npu_operators, npu.cpu_operators)
        time = f"{numbers.three_digits(npu.inference_ms)}{numbers.NBSP}ms"
        add_row(table, npu.accelerator, on_it, f"{npu.total_cycles:,}", time, numbers.size(npu.sram_bytes))
    return table


def header(text: str, longest: int = LONGEST_HEADER) -> str:
    """A header of a narrow column: a long name stands on several lines, of `longest` letters where its words allow."""
    return "\n".join(textwrap.wrap(text, longest, break_long_words=False, break_on_hyphens=False))


def speed_header(target: TargetResult) -> str:
    """The header of a column of `speed`."""
    figures = "p50 / p90" if target.int8.latency_ms is not None else "per inference"
    return f"{header(target.name)}\n{figures}"


def speed(measurement: Measurement) -> str:
    """p50 and p90; in an emulator the instructions per inference, on a microcontroller the memory."""
    latency_ms = measurement.latency_ms
    if latency_ms is not None:
        return f"{numbers.three_digits(latency_ms.p50)} / {numbers.three_digits(latency_ms.p90)} ms"
    if measurement.micro is not None:
        return f"{numbers.size(measurement.micro.arena.total_bytes)} arena"
    return f"{numbers.instructions(measurement.instructions)} instr." if measurement.instructions else "-"


def new_table(*headers: str) -> Table:
    """A table without rows: its first column holds names, the others hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, header_style="bold")
    for index, header in enumerate(headers):
        table.add_column(Text(header), justify="right" if index else "left", no_wrap=index > 0, overflow="fold")
    return table


def add_row(table: Table, *cells: str, style: str = "") -> None:
    """Add a row; a no-break space keeps a cell's words on one line."""
    table.add_row(*(Text(_plain(cell)) for cell in cells), style=style)


def print_filled(console: Console, text: str, label: str = "", style: str = "") -> None:
    """Print a paragraph within the console's width, with a label in front of it."""
    _print(console, _filled(text, min(console.width, WIDEST_LINE), label), style)


def _filled(text: str, width: int, label: str = "") -> str:
    # rich would part a number from its unit; textwrap leaves no-break spaces alone.
    first, later = (f"{label:<{LABEL_WIDTH}}", " " * LABEL_WIDTH) if label else ("", "")
    width = max(width, 2 * LABEL_WIDTH)
    whole: dict[str, Any] = {"break_on_hyphens": False, "break_long_words": False}  # a name stays one word to copy
    return _plain(textwrap.fill(text, width, initial_indent=first, subsequent_indent=later, **whole))


def _plain(text: str) -> str:
    return text.replace(numbers.NBSP, " ")


def _print(console: Console, text: str, style: str) -> None:
    console.print(Text(text, style=style), soft_wrap=True)
