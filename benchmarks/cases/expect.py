"""What may be expected of a command: exit code, words, figures in a report, files in a bundle or a model.

An expectation says in `right` what is right, for the table; called with what a command did it says what came instead,
or None where it holds.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code, what it said on both streams, and the folder it ran in."""

    code: int
    said: str
    folder: Path


@dataclass(frozen=True)
class Expectation:
    """`right` is a text for people; `failure` says what came instead, or None where that came."""

    right: str
    failure: Callable[[Outcome], str | None]


def code(*codes: int) -> Expectation:
    """The exit code is one of these."""

    def failure(outcome: Outcome) -> str | None:
        if outcome.code in codes:
            return None
        return f"exit {outcome.code}: {_last_line(outcome.said)}"

    return Expectation(f"exit {' or '.join(map(str, codes))}", failure)


def says(words: str) -> Expectation:
    """It says these words (a regular expression; blanks match any blanks and line ends, case does not count)."""
    pattern = _pattern(words)
    return Expectation(
        f"says `{words}`",
        lambda outcome: None if pattern.search(outcome.said) else f"does not say it, but: {_last_line(outcome.said)}",
    )


def never_says(words: str) -> Expectation:
    """It does not say these words."""
    pattern = _pattern(words)

    def failure(outcome: Outcome) -> str | None:
        found = pattern.search(outcome.said)
        return None if found is None else f"says `{' '.join(found[0].split())}`"

    return Expectation(f"never says `{words}`", failure)


def figure(key: str, *, at_least: float | None = None, at_most: float | None = None, out: str = "out") -> Expectation:
    """A figure of `out`/report.json, such as `float32.quality.value`, lies within these bounds."""
    bounds = [f">= {at_least}" if at_least is not None else "", f"<= {at_most}" if at_most is not None else ""]
    right = f"{key} {' and '.join(filter(None, bounds))}"

    def failure(outcome: Outcome) -> str | None:
        report = _report(outcome, out)
        if report is None:
            return "no report"
        value = _at(report, key)
        held = isinstance(value, int | float) and not isinstance(value, bool)
        held = held and (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
        return None if held else f"{key} is {value}"

    return Expectation(right, failure)


def warned(words: str, *, out: str = "out") -> Expectation:
    """A warning of `out`/report.json says these words."""

    def failure(outcome: Outcome) -> str | None:
        report = _report(outcome, out)
        if report is None:
            return "no report"
        warnings = report.get("warnings") or []
        texts = [f"{warning['problem']} {warning['remedy']}" for warning in warnings]
        if any(_pattern(words).search(text) for text in texts):
            return None
        return f"warnings: {' / '.join(warning['kind'] for warning in warnings) or 'none'}"

    return Expectation(f"warns of `{words}`", failure)


def in_zip(file: str, member: str, words: str) -> Expectation:
    """A file of a zip, such as a bundle, holds these words."""

    def failure(outcome: Outcome) -> str | None:
        path = outcome.folder / file
        if not path.exists():
            return f"no {file}"
        with zipfile.ZipFile(path) as archive:
            if member not in archive.namelist():
                return f"{file} holds no {member}"
            text = archive.read(member).decode("utf-8", "replace")
        return None if _pattern(words).search(text) else f"{member}: {text[:80]!r}"

    return Expectation(f"{member} holds `{words}`", failure)


def labels(*names: str, out: str = "out") -> Expectation:
    """The bundle's labels are these, in this order."""
    lines = "\n".join(names)

    def failure(outcome: Outcome) -> str | None:
        path = outcome.folder / out / "bundle.zip"
        if not path.exists():
            return "no bundle"
        with zipfile.ZipFile(path) as archive:
            text = archive.read("labels.txt").decode("utf-8") if "labels.txt" in archive.namelist() else ""
        return None if text.split("\n")[: len(names)] == list(names) else f"labels {text.split()[:12]}"

    return Expectation(f"labels {lines.replace(chr(10), ', ')}", failure)


def exists(file: str) -> Expectation:
    """The file is there."""
    return Expectation(f"{file} is there", lambda outcome: None if (outcome.folder / file).exists() else f"no {file}")


def either(*ways: Expectation) -> Expectation:
    """One of them holds."""

    def failure(outcome: Outcome) -> str | None:
        failures = [way.failure(outcome) for way in ways]
        return None if None in failures else "; ".join(filter(None, failures))

    return Expectation(" or ".join(way.right for way in ways), failure)


def no_line_above(limit: float, pattern: str) -> Expectation:
    """The numbers that `pattern` finds in what was said are at most `limit`; there is one at least."""

    def failure(outcome: Outcome) -> str | None:
        found = [(float(match[1]), line) for line in outcome.said.splitlines() if (match := re.search(pattern, line))]
        above = [line.strip()[:60] for value, line in found if not value <= limit]
        if not found:
            return f"no such line: {_last_line(outcome.said)}"
        return None if not above else f"{len(above)} of {len(found)} above: {' / '.join(above[:3])}"

    return Expectation(f"every difference at most {limit:g}", failure)


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(words.replace(" ", r"\s+"), re.IGNORECASE)


def _report(outcome: Outcome, out: str) -> Any:
    path = outcome.folder / out / "report.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _at(report: Any, key: str) -> Any:
    """What stands at the key; of `*` the least over a list, where None (nothing differs) is more than any."""
    parts = key.split(".")
    for index, part in enumerate(parts):
        if report is None:
            return None
        if part == "*":
            each = [_at(one, ".".join(parts[index + 1 :])) for one in report]
            return min((math.inf if one is None else one for one in each), default=None)
        report = report[int(part)] if isinstance(report, list) else report.get(part)
    return report


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or ["nothing"])[-1][:160]
