"""Exports side by side, as `edgeswap report` prints them."""

from typing import Literal

from pydantic import ConfigDict, Field

from edgeswap.records.base import Record
from edgeswap.records.reports import ExportReport
from edgeswap.records.source import Caution


class Run(Record):
    """One export."""

    name: str = Field(description="of its folder; the whole path where two folders have one name")
    folder: str = Field(description="as it was named")
    report: ExportReport = Field(description="its report.json")


class RunsReport(Record):
    """Several exports, and what keeps their figures apart."""

    schema_: Literal["edgeswap.runs/1"] = Field(default="edgeswap.runs/1", alias="schema")
    edgeswap: str
    differences: list[Caution] = Field(description="what keeps figures apart: models, metrics, test samples, machines")
    groups: list[list[str]] = Field(description="names of runs whose quality can be compared: one metric and test set")
    runs: list[Run] = Field(description="in the order in which they were named")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
