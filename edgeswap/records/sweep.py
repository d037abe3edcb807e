"""sweep.json: every candidate of `edgeswap sweep` beside the others, and which of them are worth a look."""

from typing import Literal

from pydantic import ConfigDict, Field

from edgeswap.records.base import Record
from edgeswap.records.measured import Latency
from edgeswap.records.quality import Quality
from edgeswap.records.source import Limit


class SweepFigures(Record):
    """What one model gives and takes."""

    quality: Quality
    size_bytes: int
    latency_ms: Latency | None = Field(description="on the first target, all models in one run; null: it takes no time")
    instructions: float | None = Field(default=None, description="per inference, where the first target counts them")
    arena_bytes: int | None = Field(default=None, description="memory on --target micro; null without it")


class SweepCandidate(Record):
    """One combination of settings."""

    name: str = Field(description="of its folder in the output folder")
    settings: dict[str, str] = Field(description="what was varied; - stands for a setting that was left out")
    status: Literal["done", "failed", "skipped", "stopped"] = Field(
        description="skipped: these settings exclude each other; stopped: others showed that it cannot hold the limits"
    )
    problem: str | None = Field(default=None, description="why there are no figures")
    seconds: float | None = Field(default=None, description="of its export; null if an earlier run had made it")
    int8: SweepFigures | None = Field(default=None, description="of the candidate, of any precision")
    drop: float | None = Field(default=None, description="as in report.json; null without labels")
    drop_ci95: tuple[float, float] | None = None
    agreement: float | None = None
    snr_db: float | None = Field(default=None, description="of the worst output against float32")
    limits: list[Limit] = Field(default=[], description="empty if none was set")
    passed: bool = Field(default=False, description="whether it is done, and every limit holds")
    on_front: bool = Field(default=False, description="whether no other is as good in all and better in one")


class SweepReport(Record):
    """sweep.json."""

    schema_: Literal["edgeswap.sweep/1"] = Field(default="edgeswap.sweep/1", alias="schema")
    edgeswap: str
    created: str = Field(description="UTC, ISO 8601")
    command: list[str]
    model: str
    target: str = Field(description="the first target, whose latency or instructions count")
    axes: dict[str, list[str]] = Field(description="each varied setting with its values")
    float32: SweepFigures | None = Field(description="of the model as it was given; null if every candidate failed")
    combinations: int | None = Field(
        default=None, description="of which --trials chose the candidates; null where all are candidates"
    )
    candidates: list[SweepCandidate]
    pick: str | None = Field(
        description="the fastest (micro: smallest in memory) that holds every limit; without limits what loses least"
    )
    passed: bool = Field(description="whether there is a pick")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
