"""`sweep`: an export for each combination of settings, all compared with each other, and the one to take."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edgeswap.commands.bench import bench
from edgeswap.commands.sweep_here import Here
from edgeswap.commands.sweep_ray import Cluster
from edgeswap.commands.sweep_runs import Place, Ran, run_all
from edgeswap.commands.sweep_stops import Early, read_report
from edgeswap.commands.sweep_trials import ROUND, Trials
from edgeswap.config.bench import BenchConfig
from edgeswap.config.export import ExportConfig
from edgeswap.config.sweep import Planned
from edgeswap.errors import add_note
from edgeswap.evaluation.limits import judge
from edgeswap.evaluation.sweep_pick import loss, picked, with_front
from edgeswap.progress import Progress, Silent
from edgeswap.records import BenchReport, ExportReport, Latency, SweepCandidate, SweepFigures, SweepReport
from edgeswap.report import swept_html
from edgeswap.system.interruption import Interrupted
from edgeswap.system.partial import write_whole
from edgeswap.targets.names import require_known, runs_models
from edgeswap.version import __version__

SWEEP, PAGE = "sweep.json", "sweep.html"


@dataclass(frozen=True, eq=False)
class Sweep:
    """What to do.

    Attributes:
        axes: setting to its values.
        planned: the candidates.
        flags: of each, by name, the arguments of its export but for the output.
        config: of the first that can be exported: targets and limits, which all have in common.
        folder: for everything.
        jobs: how many exports at once; None is one here, and on a cluster as many as it has processors.
        ray: address of a Ray cluster to export on; None exports here.
        trials: how many candidates to try where there are more; None tries all.
        stop_early: whether to leave out those that others have shown not to hold the limits.
    """

    axes: Mapping[str, Sequence[str]]
    planned: Sequence[Planned]
    flags: Mapping[str, Sequence[str]]
    config: ExportConfig
    folder: Path
    jobs: int | None = None
    ray: str | None = None
    trials: int | None = None
    stop_early: bool = True


def sweep(asked: Sweep, *, command: Sequence[str] = (), progress: Progress | None = None) -> SweepReport:
    """Export every candidate, time all of them in one run, and say which are worth a look.

    A sweep that was killed goes on: what is exported already, of the same files and settings, is kept. An export that
    fails takes nothing from the others.

    Args:
        asked: what to do.
        command: what the user typed, for the report.
        progress: told of every step.

    Raises:
        ConfigError: there is no Ray, or no cluster.
        TargetError: the exported models could not be timed.
    """
    progress = progress or Silent()
    asked.folder.mkdir(parents=True, exist_ok=True)
    try:
        with _place(asked) as place:
            tried, ran = _exported(asked, place, progress)
    except Interrupted as interrupted:
        add_note(interrupted, f"What is exported already stays in {asked.folder}; the same command goes on from there.")
        raise
    reports = _reports(asked, ran)
    times = _timed(asked, reports, progress)
    candidates = with_front([_candidate(one, ran.get(one.name), reports, times, asked.config) for one in tried])
    first = next(iter(reports), None)
    pick = picked(candidates)
    report = SweepReport(
        edgeswap=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=list(command),
        model=reports[first].model.name if first else str(asked.config.model or "digits"),
        target=next(filter(runs_models, asked.config.target)),
        axes={axis: list(values) for axis, values in asked.axes.items()},
        float32=None if first is None else _figures(reports[first], times.get(""), baseline=True),
        combinations=len(asked.planned) if len(tried) < len(asked.planned) else None,
        candidates=candidates,
        pick=pick,
        passed=pick is not None,
    )
    write_whole(asked.folder / SWEEP, (report.model_dump_json(by_alias=True, indent=2) + "\n").encode())
    write_whole(asked.folder / PAGE, swept_html.render(report).encode())
    return report


def _exported(asked: Sweep, place: Place, progress: Progress) -> tuple[Sequence[Planned], dict[str, Ran]]:
    """The candidates that were tried, and how their exports ended."""

    early = Early(asked.planned, asked.folder, asked.config)
    stops = early if asked.stop_early and early.limits.any else None

    def run(some: Sequence[Planned]) -> dict[str, Ran]:
        return run_all(some, asked.flags, asked.folder, place=place, stops=stops, progress=progress)

    possible = [one for one in asked.planned if one.problem is None]
    if asked.trials is None or asked.trials >= len(possible):
        return asked.planned, run(asked.planned)
    trials = Trials(asked.axes, possible, asked.config.seed)
    tried: list[Planned] = []
    ran: dict[str, Ran] = {}
    while len(tried) < asked.trials:
        some = trials.ask(min(ROUND, asked.trials - len(tried)))
        ended = run(some)
        reports = _reports(asked, ended)
        found = [_candidate(one, ended.get(one.name), reports, {}, asked.config) for one in some]
        trials.tell({one.name: None if one.int8 is None else (loss(one), one.int8.size_bytes) for one in found})
        tried, ran = [*tried, *some], {**ran, **ended}
    return tried, ran


def _reports(asked: Sweep, ran: Mapping[str, Ran]) -> dict[str, ExportReport]:
    return {name: read_report(asked.folder, name) for name, each in ran.items() if each.problem is None}


@contextmanager
def _place(asked: Sweep) -> Iterator[Place]:
    if asked.ray is None:
        yield Here(asked.folder, asked.jobs or 1)
        return
    with redirect_stdout(sys.stderr):  # Ray prints there when a machine is lost, and the report belongs there alone
        cluster = Cluster(asked.ray, asked.folder, asked.jobs)
        try:
            yield cluster
        finally:
            cluster.close()


def _timed(asked: Sweep, reports: Mapping[str, ExportReport], progress: Progress) -> dict[str, Latency | None]:
    """Latency on the first target by candidate, and of the float model by an empty name, all from one run.

    Each export has timed its own pair, but others may have run beside it. Empty where the target takes no time.
    """
    first = next(filter(runs_models, asked.config.target))
    if not reports or require_known(first).measures != "time":
        return {}
    some = next(iter(reports))
    models = (
        asked.folder / some / reports[some].float32.file,
        *(asked.folder / name / report.int8.file for name, report in reports.items()),
    )
    settings = {"threads": asked.config.threads, "delegate": asked.config.delegate, "keep": asked.config.keep}
    measured: BenchReport = bench(BenchConfig(models=models, target=(first,), **settings), progress=progress)
    latencies = {
        name: candidate.targets[0].int8.latency_ms
        for name, candidate in zip(reports, measured.candidates, strict=True)
        if candidate.targets
    }
    return {**latencies, "": measured.targets[0].float32.latency_ms}


def _figures(report: ExportReport, latency_ms: Latency | None, *, baseline: bool = False) -> SweepFigures:
    file, first = (report.float32 if baseline else report.int8), report.targets[0]
    assert file.quality is not None  # an export measures with samples
    found = [target.float32 if baseline else target.int8 for target in report.targets]
    arena = next((each.micro.arena.total_bytes for each in found if each.micro is not None), None)
    return SweepFigures(
        quality=file.quality,
        size_bytes=file.size_bytes,
        latency_ms=latency_ms,
        instructions=(first.float32 if baseline else first.int8).instructions,
        arena_bytes=arena,
    )


def _candidate(
    one: Planned,
    ran: Ran | None,
    reports: Mapping[str, ExportReport],
    times: Mapping[str, Latency | None],
    config: ExportConfig,
) -> SweepCandidate:
    said = {"name": one.name, "settings": dict(one.varied)}
    if one.problem is not None:
        return SweepCandidate(**said, status="skipped", problem=one.problem)
    report = reports.get(one.name)
    if ran is not None and ran.stopped:
        return SweepCandidate(**said, status="stopped", problem=ran.problem)
    if ran is None or report is None:
        return SweepCandidate(**said, status="failed", problem=None if ran is None else ran.problem)
    figures = _figures(report, times.get(one.name))
    limits = judge(
        report.comparison,
        candidate_size_bytes=figures.size_bytes,
        candidate_latency_ms=None if figures.latency_ms is None else figures.latency_ms.p50,
        max_drop=config.max_drop,
        max_latency_ms=config.max_latency_ms if figures.latency_ms is not None else None,
        max_size=config.max_size,
        candidate_arena_bytes=figures.arena_bytes,
        max_arena=config.max_arena,
    )
    ratios = [output.snr_db for output in report.comparison.outputs if output.snr_db is not None]
    return SweepCandidate(
        **said,
        status="done",
        seconds=ran.seconds,
        int8=figures,
        drop=report.comparison.drop,
        drop_ci95=report.comparison.drop_ci95,
        agreement=report.comparison.agreement,
        snr_db=min(ratios, default=None),
        limits=limits,
        passed=all(limit.passed for limit in limits) and not report.failures,
    )
