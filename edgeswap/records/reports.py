"""report.json, and what `edgeswap bench` writes."""

from typing import Literal

from pydantic import ConfigDict, Field

from edgeswap.records.accelerators import EdgeTpuMapping, NpuEstimate
from edgeswap.records.base import CandidatePrecision, Precision, Record
from edgeswap.records.details import InputExample
from edgeswap.records.ladder import Rung
from edgeswap.records.measured import Int8ModelFile, ModelFile, TargetFailure, TargetResult
from edgeswap.records.quality import Comparison, StageQuality
from edgeswap.records.source import (
    Activations,
    Caution,
    Data,
    DataSource,
    Limit,
    ModelSource,
    Parity,
    Ranges,
    TaskChoice,
)
from edgeswap.records.training import TrainingRun


class BenchCandidate(Record):
    """A .tflite file that is compared with the first one, the baseline."""

    name: str = Field(description="its precision, or its file name if others have the same precision")
    precision: Precision
    model: Int8ModelFile
    comparison: Comparison | None = Field(description="against the baseline; null without data")
    targets: list[TargetResult] = Field(description="`float32` in each is the baseline, `int8` this candidate")


class ExportReport(Record):
    """report.json."""

    schema_: Literal["edgeswap.report/2"] = Field(default="edgeswap.report/2", alias="schema")
    edgeswap: str
    created: str = Field(description="UTC, ISO 8601")
    command: list[str] = Field(description="the command line of the run; empty if it was started from Python")
    method: Literal["ptq", "qat"] = Field(description="of the candidate; `ladder` tells how `auto` came to it")
    precision: CandidatePrecision = Field(default="int8", description="of the candidate, whose key is always `int8`")
    seed: int
    model: ModelSource
    task: TaskChoice
    data: Data
    warnings: list[Caution] = Field(default=[], description="the gravest first; each target has its own besides")
    activations: Activations
    float32: ModelFile
    float32_swapped: StageQuality | None = Field(default=None, description="right after the swap, untrained")
    float32_recovered: StageQuality | None = Field(default=None, description="fine-tuned after the swap")
    float32_finetuned: StageQuality | None = Field(default=None, description="the control: float32, trained alike")
    int8: Int8ModelFile
    measured: bool = Field(
        default=True, description="false with --no-measure: no model ran, so qualities and comparison have no values"
    )
    comparison: Comparison
    compared: list[BenchCandidate] = Field(
        default=[], description="other models by --compare, against the same baseline in the same runs"
    )
    targets: list[TargetResult]
    failures: list[TargetFailure] = Field(default=[], description="targets that gave no figures, and why")
    npus: list[NpuEstimate] = Field(default=[], description="estimates by a compiler for NPUs; nothing ran there")
    edgetpu: EdgeTpuMapping | None = Field(default=None, description="of the candidate; null unless requested")
    normalized_by_app: list[str] = Field(
        default=[], description="inputs that the app normalizes: both .tflite files take normalized values"
    )
    ladder: list[Rung] = Field(
        default=[], description="what --method auto tried, cheap before dear; empty for other methods"
    )
    training: list[TrainingRun] = Field(
        default=[], description="each training in order, with the epoch that was kept; empty if nothing was trained"
    )
    weight_scales: Literal["per-channel", "per-tensor"] = Field(
        default="per-channel", description="--weight-scales: scales of an int8 model's weights outside of dense layers"
    )
    dense_scales_by: Literal["user", "weights", "target"] | None = Field(
        default=None,
        description="what chose the scales of dense weights: --dense-scales (user), --weight-scales (weights) or the "
        "first target",
    )
    left_to_calibration: list[str] = Field(
        default=[], description="layers without a range rule in edgeswap; the converter set their ranges"
    )
    ranges: Ranges | None = None
    parity: Parity | None = None
    input_examples: list[InputExample] = Field(
        default=[], description="a few test samples through the preprocessing, for comparison with an app"
    )
    versions: dict[str, str] = Field(
        default={}, description="versions of Python and of the packages that made the model and the figures"
    )
    limits: list[Limit] = Field(description="empty if the user set none")
    passed: bool = Field(description="whether every limit holds and every target gave figures")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class BenchReport(Record):
    """The measurements of `edgeswap bench`, in the records of an export.

    `float32` is the first file and `int8` the second, whatever their precision; `candidates` are all but the first.
    """

    schema_: Literal["edgeswap.bench/2"] = Field(default="edgeswap.bench/2", alias="schema")
    edgeswap: str
    created: str = Field(description="UTC, ISO 8601")
    command: list[str] = Field(description="the command line of the run; empty if it was started from Python")
    baseline: str = Field(default="float32", description="the name of the first file in the report")
    baseline_precision: Precision = "float32"
    precision: Precision = Field(description="precision of the second file, from the types of its tensors")
    float32: ModelFile
    int8: Int8ModelFile
    candidates: list[BenchCandidate] = Field(
        default=[], description="all files but the first; the second is also `int8`, `comparison` and `targets`"
    )
    data: DataSource | None = Field(description="the samples that all models ran on; null if only latency was measured")
    task: TaskChoice | None = Field(default=None, description="what the models are for; null without data")
    preprocess: str | None = Field(description="preprocessing of the samples; null without data")
    resize: str | None = Field(default=None, description="how image files were resized")
    comparison: Comparison | None = Field(description="null without data")
    targets: list[TargetResult]
    failures: list[TargetFailure] = Field(default=[], description="targets that gave no figures, and why")
    npus: list[NpuEstimate] = Field(default=[], description="estimates by a compiler for NPUs; nothing ran there")
    edgetpu: EdgeTpuMapping | None = Field(default=None, description="of the candidate; null unless requested")
    limits: list[Limit] = Field(default=[], description="of --require-delegate; empty without it")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
