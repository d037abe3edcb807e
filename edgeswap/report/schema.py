"""The JSON schema of report.json."""

from __future__ import annotations

from typing import Any

from edgeswap.records import ExportReport


def schema() -> dict[str, Any]:
    """The JSON schema of report.json, by the names that stand in the file."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | ExportReport.model_json_schema(by_alias=True, mode="serialization")
