"""Sentences about a candidate on a target, with the place in front: the target, and the file if there are several."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgeswap.records import TargetResult
from edgeswap.report import wording as say


def placed(report: say.Report, told: Callable[[TargetResult], Iterable[str]]) -> list[str]:
    """What is told of each candidate on each target; files and targets that agree share a line.

    `host: ...` of two files, `b.tflite, c.tflite on host, pi4: ...` of more.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for name, one in say.each_candidate(report):
        for target in one.targets:
            for said in told(target):
                found.setdefault(said, {}).setdefault(name, []).append(say.label(one, target))
    lines = []
    for said, by_file in found.items():
        files: dict[str, list[str]] = {}
        for name, targets in by_file.items():
            files.setdefault(", ".join(targets), []).append(name)
        lines += [f"{_on(names, targets)}: {said}" for targets, names in files.items()]
    return lines


def _on(names: list[str], targets: str) -> str:
    return f"{', '.join(names)} on {targets}" if all(names) else targets
