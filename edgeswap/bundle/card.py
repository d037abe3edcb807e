"""The two texts of a bundle for people: README.md (what to copy where) and MODEL_CARD.md (what the model is worth)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment

from edgeswap.bundle.manifest import Manifest
from edgeswap.bundle.templates import environment
from edgeswap.data.mean_std import described
from edgeswap.records import ExportReport, Quality


def readme(manifest: Manifest, *, each_by_itself: bool, micro: bool = False) -> bytes:
    """README.md: what to copy where, in each app, and how to see that it is wired up right.

    Args:
        manifest: of the bundle.
        each_by_itself: whether each class has a probability of its own, see `holds.each_by_itself`.
        micro: whether there are files for a microcontroller.
    """
    given = {"manifest": manifest, "golden": manifest.golden, "each_by_itself": each_by_itself, "micro": micro}
    return _rendered("README.md.jinja", **given)


def model_card(manifest: Manifest, report: ExportReport) -> bytes:
    """MODEL_CARD.md: data, metrics and limits, without a time or a path."""
    return _rendered("MODEL_CARD.md.jinja", manifest=manifest, report=report)


def _rendered(template: str, **values: object) -> bytes:
    return _environment().get_template(template).render(values).encode()


@cache
def _environment() -> Environment:
    return environment(
        Path(__file__).parent,
        line=_line,
        place=place,
        described=described,
        metric=_metric,
        metric_interval=_metric_interval,
    )


def _metric(quality: Quality) -> str:
    """The value of a metric: percent of a share."""
    if quality.value is None:
        return "no labels"
    return f"{100 * quality.value:.2f} %" if quality.unit == "share" else f"{quality.value:.4g}"


def _metric_interval(quality: Quality) -> str:
    """Its interval; empty where there is none."""
    if quality.ci95 is None:
        return ""
    low, high = quality.ci95
    return f"{100 * low:.2f} to {100 * high:.2f} %" if quality.unit == "share" else f"{low:.4g} to {high:.4g}"


def _line(text: str) -> str:
    """Text of others in one line, without what would be markup."""
    return " ".join("".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text).split())


def place(source: str) -> str:
    """Where data came from, without the folders of the machine that it lay on."""
    named = source in ("digits", "digits/test") or re.fullmatch(r"tfds:.*|[\w.]+:\w+", source)
    return source if named else Path(source).name
