"""Which exports can be compared with each other, and what keeps the others apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence

from edgeswap.errors import shortened
from edgeswap.records import Caution, ExportReport
from edgeswap.tasks.titles import title

Named = Mapping[str, ExportReport]


def groups(runs: Named) -> list[list[str]]:
    """The names of runs by metric and test samples: within a group figures of quality can be compared.

    Runs that measured nothing (`--no-measure`) stand apart.
    """
    return list(_by(runs, lambda report: (report.measured, report.comparison.metric, _tested_on(report)[1])).values())


def differences(runs: Named) -> list[Caution]:
    """What a reader must know before the figures of these runs stand side by side."""
    return [
        *_metrics(runs),
        *_test_samples(runs),
        *_models(runs),
        *_machines(runs),
        *_versions(runs),
    ]


def _metrics(runs: Named) -> list[Caution]:
    found = _by(runs, lambda report: title(report.comparison.metric))
    return _said(
        "metrics_differ",
        found,
        "The runs are judged by different metrics: {}. Each metric has a table of its own.",
        "Export again with the same --task and --metric to compare these runs.",
    )


def _test_samples(runs: Named) -> list[Caution]:
    found: list[Caution] = []
    tested = {name: report for name, report in runs.items() if report.data.test is not None}
    for name, one in _by(tested, lambda report: report.comparison.metric).items():
        parted = _by({run: runs[run] for run in one}, lambda report: _tested_on(report)[1])
        told = {f"{_tested_on(runs[names[0]])[0]} ({sha[:8]})": names for sha, names in parted.items()}
        found += _said(
            "test_samples_differ",
            told,
            f"Runs with {title(name)} used different test samples: {{}}. Each test set has a table of its own.",
            "Export again with the same --test-data to compare these runs.",
        )
    return found


def _tested_on(report: ExportReport) -> tuple[str, str]:
    """Source and SHA-256 of the test samples; empty where there are none."""
    test = report.data.test
    return ("", "") if test is None else (test.source, test.sha256)


def _models(runs: Named) -> list[Caution]:
    parted = _by(runs, lambda report: report.model.sha256)
    told = {f"{runs[names[0]].model.name} ({sha[:8]})": names for sha, names in parted.items()}
    return _said(
        "models_differ",
        told,
        "The runs begin with different float32 models: {}. Each drop is against the run's own model.",
        "Compare the values of the metric, not the drops.",
    )


def _machines(runs: Named) -> list[Caution]:
    by_target: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, report in runs.items():
        for target in report.targets:
            if target.int8.latency_ms is not None:
                how = f"{target.cpu}, {target.runtime}, delegate {target.delegate}, {target.api}"
                threads = target.int8.latency_ms.threads
                by_target[target.name][f"{how}, {threads} thread{'s' if threads > 1 else ''}"].append(name)
    # An emulated board gives a result for each of its runtimes in one run: those are no difference between runs.
    return [
        caution
        for target, hows in by_target.items()
        if len({frozenset(names) for names in hows.values()}) > 1
        for caution in _said(
            "machines_differ",
            hows,
            f"The latencies on {target} are of different machines or runtimes: {{}}.",
            "Measure all models in one run to compare them: edgeswap bench A.tflite B.tflite",
        )
    ]


def _versions(runs: Named) -> list[Caution]:
    found = _by(runs, lambda report: report.edgeswap)
    return _said(
        "versions_differ",
        {f"edgeswap {version}": names for version, names in found.items()},
        "The runs are of different versions: {}.",
        "Export again with one version if a difference is hard to explain.",
    )


def _by(runs: Named, key: Callable[[ExportReport], str] | Callable[[ExportReport], Hashable]) -> dict[str, list[str]]:
    parted: dict[str, list[str]] = {}
    for name, report in runs.items():
        parted.setdefault(key(report), []).append(name)  # type: ignore[arg-type]  # any key that can be told apart
    return parted


def _said(kind: str, parted: Mapping[str, Sequence[str]], problem: str, remedy: str) -> list[Caution]:
    """The caution, where there is more than one of a thing."""
    if len(parted) < 2:
        return []
    each = "; ".join(f"{thing} in {shortened(names)}" for thing, names in parted.items())
    return [Caution(kind=kind, problem=problem.replace("{}", each), remedy=remedy)]
