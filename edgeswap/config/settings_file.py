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
# A stranger's folder can hold a file of settings beside the model, and who works in it has not said that it may run.
NOT_IN_A_FILE = "trust"


class Written(NamedTuple):
    """A value, and the file it stands in."""

    value: Any
    file: str


def written_settings(folder: Path) -> dict[str, Written]:
    """What `edgeswap.toml` in a folder says, and what `pyproject.toml` says beside it, by name.

    Raises:
        ConfigError: a file is no TOML, has another table of edgeswap than that of exports, a setting that is a table,
            or `NOT_IN_A_FILE`.
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
    if file.is_dir():
        raise ConfigError(f"Expected TOML in {file}, got a folder.", f"Rename or remove {file}.")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))  # Windows' editors write a byte order mark
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"Expected TOML in {file}, got: {error}.", f"Mend or remove {file}.") from error


def _only_export(tables: Any, expected: str, header: str, file: str) -> dict[str, Any]:
    listed: dict[str, Any] = tables if isinstance(tables, dict) else {str(tables): None}
    unknown = [key for key in listed if key != "export"]
    if unknown:
        raise ConfigError(f"Expected {expected} in {file}, got {unknown[0]!r}.", f"Put the settings below {header}.")
    table = listed.get("export", {})
    if not isinstance(table, dict):
        got = "a list of tables" if isinstance(table, list) else f"the value {table!r}"
        raise ConfigError(
            f"Expected export to be a table in {file}, got {got}.", f"Put the settings below one line {header}."
        )
    return table


def _settings(table: dict[str, Any], file: str) -> dict[str, Written]:
    settings = {key.replace("-", "_"): value for key, value in table.items()}
    if "licence" in settings:  # the British spelling, as of --licence
        settings["license"] = settings.pop("licence")
    for key, value in settings.items():
        if isinstance(value, dict):
            raise ConfigError(f"Expected a value for {key} in {file}, got a table.", f"Write it as {key} = VALUE.")
    if NOT_IN_A_FILE in settings:
        raise ConfigError(
            f"Expected --{NOT_IN_A_FILE} on the command line alone, got {NOT_IN_A_FILE} in {file}.",
            f"Remove it from {file}: a file that may have come with the model must not let the model's code run.",
        )
    return {key: Written(tuple(value) if isinstance(value, list) else value, file) for key, value in settings.items()}
