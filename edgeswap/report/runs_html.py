"""Exports side by side as one HTML page that needs nothing beside it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from edgeswap.records import RunsReport
from edgeswap.report import numbers
from edgeswap.report import runs_wording as words
from edgeswap.report import wording as say
from edgeswap.report.html import template

PAGE = "report.html"


def render(report: RunsReport, place: Path) -> str:
    """The page for `report`; what stands in its records comes out as text, never as markup.

    Args:
        report: of two runs or more.
        place: folder that the page will be in, from which its links lead to the pages of the runs.
    """
    links = [_link(Path(run.folder), place) for run in report.runs]
    report = say.printable(report)
    return template("runs.html.jinja").render(
        report=report,
        links={run.name: link for run, link in zip(report.runs, links, strict=True) if link},
        words=words,
        say=say,
        numbers=numbers,
    )


def _link(folder: Path, place: Path) -> str:
    page = (folder if folder.is_dir() else folder.parent) / PAGE
    if not page.is_file():
        return ""
    return quote(os.path.relpath(page.resolve(), place.resolve()).replace(os.sep, "/"))
