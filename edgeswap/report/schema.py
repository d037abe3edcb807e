"""The JSON schemas of the files that edgeswap writes; each stands beside this module under its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeswap.records import AnalyzeReport, CalibrationManifest, ExportReport, Record, SweepReport

SCHEMAS: Mapping[str, type[Record]] = {
    "sweep.schema.json": SweepReport,  # sweep.json
    "report.schema.json": ExportReport,  # report.json
    "analysis.schema.json": AnalyzeReport,  # analysis.json
    "calibration.schema.json": CalibrationManifest,  # NAME.json beside the samples of `edgeswap calibrate`
}


def schema(record: type[Record] = ExportReport) -> dict[str, Any]:
    """The JSON schema of a file, by the names that stand in it."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | record.model_json_schema(by_alias=True, mode="serialization")
