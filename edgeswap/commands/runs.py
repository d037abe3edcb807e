"""`report`: exports read from their folders, and put side by side. Imports no TensorFlow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import from_json

from edgeswap.errors import ConfigError, DataError, shortened
from edgeswap.evaluation.comparable_runs import differences, groups
from edgeswap.records import ExportReport, Run, RunsReport
from edgeswap.version import __version__

REPORT = "report.json"
PAGES = ("report.html", "sweep.html", "analysis.html")
_FOLDER = f"Name the --output of an export, or the {REPORT} in it."
(SCHEMA,) = get_args(ExportReport.model_fields["schema_"].annotation)


def side_by_side(folders: Sequence[Path]) -> RunsReport:
    """The reports of several exports, and what keeps their figures apart.

    Raises:
        ConfigError: a folder holds no report, or is named twice.
        DataError: a report cannot be read.
    """
    read = [read_report(folder) for folder in folders]
    named = dict(zip(_names(folders), read, strict=True))
    return RunsReport(
        edgeswap=__version__,
        differences=differences(named),
        groups=groups(named),
        runs=[
            Run(name=name, folder=str(folder), report=report)
            for folder, (name, report) in zip(folders, named.items(), strict=True)
        ],
    )


def read_report(folder: Path) -> ExportReport:
    """The report in the output folder of an export; `folder` may also be the file itself.

    Raises:
        ConfigError: there is no report.
        DataError: it is of another format, or not what `edgeswap export` writes.
    """
    path = folder / REPORT if folder.is_dir() else folder
    if not path.is_file():
        raise ConfigError(*_none_there(folder))
    try:
        content = from_json(path.read_bytes())
    except (ValueError, OSError) as error:
        if path.suffix != ".json":
            raise DataError(
                f"Expected the output folder of an export or its {REPORT}, got {str(path)!r}, which is not JSON.",
                _FOLDER,
            ) from error
        raise DataError(f"Expected {str(path)!r} to be JSON, but: {error}.", "Export again.") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise DataError(f"Expected {str(path)!r} to be of format {SCHEMA!r}, got {schema!r}.", _for_format(schema))
    try:
        return ExportReport.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DataError(
            f"Expected {str(path)!r} as edgeswap {__version__} writes it, got at {where}: {first['msg']}.",
            _other_version(content),
        ) from error


def page_of(folder: Path) -> Path:
    """The page that a command wrote into `folder`; `folder` may also be a page itself.

    Raises:
        ConfigError: there is none.
    """
    if folder.is_file() and folder.suffix == ".html":
        return folder
    place = folder.parent if folder.is_file() else folder
    for name in PAGES:
        if (place / name).is_file():
            return place / name
    raise ConfigError(
        f"Expected a folder with {', '.join(PAGES[:-1])} or {PAGES[-1]}, got {str(folder)!r}.",
        "Name the --output of an export, a sweep or an analysis.",
    )


def _names(folders: Sequence[Path]) -> list[str]:
    """What each run is called: the name of its folder, or where two have the same, the path."""
    places = [(folder if folder.is_dir() else folder.parent).resolve() for folder in folders]
    twice = [str(folder) for folder, place in zip(folders, places, strict=True) if places.count(place) > 1]
    if twice:
        raise ConfigError(f"Expected each folder once, got {shortened(twice)}.", "Leave out what is named twice.")
    counted = Counter(place.name for place in places)
    return [
        place.name if counted[place.name] == 1 and place.name else str(folder)
        for folder, place in zip(folders, places, strict=True)
    ]


def _none_there(folder: Path) -> tuple[str, str]:
    """Problem and remedy where no report is."""
    if not folder.exists():
        return f"Expected the output folder of an export, but {str(folder)!r} does not exist.", "Check the path."
    problem = f"Expected a folder with {REPORT}, but {str(folder)!r} holds none."
    within = sorted(str(path.parent) for path in folder.glob(f"*/{REPORT}")) if folder.is_dir() else []
    if within:
        return problem, f"Name the folders in it that hold one: {shortened(within)}."
    held = [name for name in PAGES if (folder / name).is_file()]
    if held:
        return problem, f"To see its {held[0]}, run: edgeswap report {folder} --open"
    return problem, "Name the --output of an export."


def _for_format(schema: object) -> str:
    """What to do about a file of another format."""
    kind, _, number = str(schema).partition("/")
    if kind == SCHEMA.partition("/")[0] and number.isdecimal():
        later = int(number) > int(SCHEMA.partition("/")[2])
        return "Update edgeswap to read it." if later else f"Export again with edgeswap {__version__}."
    return _FOLDER


def _other_version(content: Mapping[str, Any]) -> str:
    written = content.get("edgeswap")
    if isinstance(written, str) and written != __version__:
        return f"edgeswap {written} wrote it: show it with that version, or export again."
    return "Export again: the file was changed after it was written."
