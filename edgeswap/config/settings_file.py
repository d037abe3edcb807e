"""Settings of an export that stand in a file: the table `[export]` of edgeswap.toml, or one in pyproject.toml."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from edgeswap.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE, PROJECT = "edgeswap.toml", "pyproject.toml"
PROJECT_TABLE = "[tool.edgeswap.export]"


class Written(NamedTuple):
    """A value, and the file it stands in."""

    value: Any
    file: str


def written_settings(folder: Path) -> dict[str, Written]:
    """What `edgeswap.toml` in a folder says, and what `pyproject.toml` says beside it, by name.

    Raises:
        ConfigError: a file is no TOML, or has another table of edgeswap than that of exports.
    """
    found: dict[str, Written] = {}
    project, own = folder / PROJECT, folder / FILE
    if os.path.lexists(project):
        tool = _read(project).get("tool", {})
        tables = tool.get("edgeswap", {}) if isinstance(tool, dict) else {}
        found |= _settings(
            _only_export(tables, f"{PROJECT_TABLE} alone for edgeswap", PROJECT_TABLE, str(project)), str(project)
        )
    if os.path.lexists(own):
        found |= _settings(_only_export(_read(own), "the table [export] alone", "[export]", str(own)), str(own))
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"Expected TOML in {file}, got: {error}.", f"Mend or remove {file}.") from error


def _only_export(tables: Any, expected: str, header: str, file: str) -> dict[str, Any]:
    listed: dict[str, Any] = tables if isinstance(tables, dict) else {str(tables): None}
    unknown = [key for key, value in listed.items() if key != "export" or not isinstance(value, dict)]
    if unknown:
        raise ConfigError(f"Expected {expected} in {file}, got {unknown[0]!r}.", f"Put the settings below {header}.")
    table: dict[str, Any] = listed.get("export", {})
    return table


def _settings(table: dict[str, Any], file: str) -> dict[str, Written]:
    settings = {key.replace("-", "_"): value for key, value in table.items()}
    if "licence" in settings:  # the British spelling, as of --licence
        settings["license"] = settings.pop("licence")
    return {key: Written(tuple(value) if isinstance(value, list) else value, file) for key, value in settings.items()}
