"""What terminal and page say of exports side by side, in the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from edgeswap.records import ExportReport, Measurement, Run, RunsReport, TargetResult
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers
from edgeswap.report import wording as say
from edgeswap.report.speed_words import measured_in, median
from edgeswap.report.terminal_tables import nearness, quality_columns
from edgeswap.tasks.titles import title

AS_FAST = 1.05  # below it one is as fast as the other, as in `numbers.ratio`
LATER = "Latencies of several runs were measured at several times; edgeswap bench measures files in one run."


class Row(NamedTuple):
    """One line of a table: a run, or a float32 model that runs begin with."""

    name: str
    run: Run | None
    cells: tuple[str, ...]


class Group(NamedTuple):
    """Runs with the same metric and test samples."""

    about: str
    headers: tuple[str, ...]
    rows: list[Row]
    speeds: tuple[tuple[str, ...], list[Row]] | None  # headers and rows, where there are several targets


def verdict(report: RunsReport) -> str:
    """One sentence: how many runs there are, and which loses least, is fastest and is smallest."""
    count = numbers.plural(len(report.runs), "run")
    if len(report.groups) > 1:
        return f"{count} in {len(report.groups)} groups: figures of quality can be compared within a group only."
    named = {run.report.model.name for run in report.runs}
    of = f" of {named.pop()}" if len(named) == 1 else ""
    tested, alike = _tested(report.runs)
    best = [text for text in (_least_lost(report), _fastest(report), _smallest(report)) if text]
    told = f": {', '.join(best)}" if best else ""
    where = f" on {'the same ' * alike}{tested}" if report.runs[0].report.measured else ", none of them measured"
    return f"{count}{of}{where}{told}."


def _tested(runs: Sequence[Run]) -> tuple[str, bool]:
    """How many test samples were measured, which --target-samples bounds, and whether it is one number for all."""
    qualities = [run.report.int8.quality for run in runs]
    counts = sorted({0 if quality is None else quality.samples for quality in qualities})
    if len(counts) == 1:
        return numbers.plural(counts[0], "test sample"), True
    return f"{counts[0]:,} to {numbers.plural(counts[-1], 'test sample')}", False


def groups(report: RunsReport) -> list[Group]:
    """The tables."""
    by_name = {run.name: run for run in report.runs}
    return [_group([by_name[name] for name in names]) for names in report.groups]


def limits(report: ExportReport) -> str:
    """Whether the run's limits hold, in a word; `missed` names those that do not."""
    if missed(report):
        return "missed"
    return "incomplete" if report.failures else "hold" if report.limits else "-"


def missed(report: ExportReport) -> list[str]:
    """Names of the run's limits that do not hold."""
    return [limit.name for limit in report.limits if not limit.passed]


def _group(runs: Sequence[Run]) -> Group:
    first = runs[0].report
    columns = quality_columns(first.comparison)[:1] if first.measured else ()
    labelled = first.comparison.drop is not None
    change = ("drop, points" if first.comparison.unit == "share" else "drop", "its 95 % interval") if labelled else ()
    names = list(dict.fromkeys(say.label(run.report, target) for run in runs for target in run.report.targets))
    shown = names[0] if len(names) == 1 else None
    headers = (*columns, *change, "size", *((_speed_title(runs, shown),) if shown else ()), "limits")
    rows = []
    for name, theirs in _baselines(runs):
        model = theirs[0].report.float32
        quality = metrics.of(model.quality) if labelled else "-"
        measured = (_speed(theirs, shown, _float32),) if shown else ()
        shown_quality = (quality, *("" for _ in change)) if first.measured else ()
        rows.append(Row(name, None, (*shown_quality, numbers.size(model.size_bytes), *measured, "")))
    for run in runs:
        measured = (_speed([run], shown, _int8),) if shown else ()
        size = numbers.size(run.report.int8.size_bytes)
        rows.append(Row(run.name, run, (*_quality(run.report), size, *measured, limits(run.report))))
    if not first.measured:
        return Group("Not measured (--no-measure)", headers, rows, None)
    called = title(first.comparison.metric)
    about = f"{called[0].upper()}{called[1:]} on {_tested(runs)[0]}"
    source = "" if first.data.test is None else first.data.test.source
    return Group(f"{about} of {source}", headers, rows, _speeds(runs, names))


def _quality(report: ExportReport) -> tuple[str, ...]:
    comparison = report.comparison
    if not report.measured:
        return ()
    if comparison.drop is None:
        return (nearness(comparison),)
    ends = comparison.drop_ci95
    return (
        metrics.of(report.int8.quality),
        metrics.short_difference(comparison.drop, comparison.unit),
        "-" if ends is None else numbers.points_interval(ends) if comparison.unit == "share" else _ends(ends),
    )


def _ends(ends: tuple[float, float]) -> str:
    return metrics.interval(ends, "none")


def _baselines(runs: Sequence[Run]) -> list[tuple[str, list[Run]]]:
    """Each float32 model once, with the runs that begin with it."""
    found: dict[tuple[str, int, str], list[Run]] = {}
    for run in runs:
        model = (run.report.model.sha256, run.report.float32.size_bytes, metrics.of(run.report.float32.quality))
        found.setdefault(model, []).append(run)
    if len(found) == 1:
        return [("float32", list(runs))]
    return [(f"float32 of {theirs[0].name}", theirs) for theirs in found.values()]


def _speeds(runs: Sequence[Run], names: Sequence[str]) -> tuple[tuple[str, ...], list[Row]] | None:
    if len(names) < 2:
        return None
    rows = [Row(name, None, tuple(_speed(theirs, one, _float32) for one in names)) for name, theirs in _baselines(runs)]
    rows += [Row(run.name, run, tuple(_speed([run], one, _int8) for one in names)) for run in runs]
    return tuple(_speed_title(runs, name) for name in names), rows


def _speed_title(runs: Sequence[Run], name: str) -> str:
    return f"{measured_in(map(_int8, _on(runs, name)))} on {name}"


def _speed(runs: Sequence[Run], name: str, of: Callable[[TargetResult], Measurement]) -> str:
    """Of the first run that measured on the target."""
    return next((median(of(target)) for target in _on(runs, name)), "-")


def _on(runs: Sequence[Run], name: str) -> list[TargetResult]:
    return [target for run in runs for target in run.report.targets if say.label(run.report, target) == name]


def _float32(target: TargetResult) -> Measurement:
    return target.float32


def _int8(target: TargetResult) -> Measurement:
    return target.int8


def _least_lost(report: RunsReport) -> str:
    lost = {run.name: run.report.comparison.drop for run in report.runs}
    unit = report.runs[0].report.comparison.unit
    if any(drop is None for drop in lost.values()):
        return ""
    name, drop = _least({name: drop or 0.0 for name, drop in lost.items()})
    return f"{name} loses least ({metrics.difference(drop, unit)})" if name else ""


def _fastest(report: RunsReport) -> str:
    """Only where all runs have a latency on the same target of the same machine."""
    if any(caution.kind == "machines_differ" for caution in report.differences):
        return ""
    names = [run.report.targets[0].name for run in report.runs if run.report.targets]
    times = {
        run.name: run.report.targets[0].int8.latency_ms.p50
        for run in report.runs
        if run.report.targets and run.report.targets[0].int8.latency_ms is not None
    }
    if len(times) < len(report.runs) or len(set(names)) > 1:
        return ""
    first, second = sorted(times.values())[:2]
    if second < AS_FAST * first:
        return ""
    name, p50 = _least(times)
    return f"{name} is fastest on {names[0]} (p50 {numbers.three_digits(p50)}{numbers.NBSP}ms)" if name else ""


def _smallest(report: RunsReport) -> str:
    name, size = _least({run.name: run.report.int8.size_bytes for run in report.runs})
    return f"{name} is smallest ({numbers.size(int(size))})" if name else ""


def _least(values: dict[str, float] | dict[str, int]) -> tuple[str, float]:
    """The name of the least value and that value; no name where several share it."""
    lowest = min(values.values())
    names = [name for name, value in values.items() if value == lowest]
    return (names[0] if len(names) == 1 else ""), float(lowest)
