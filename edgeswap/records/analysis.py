"""What `edgeswap analyze` tells: for each layer what int8 costs, why, and what helps."""

from typing import Literal

from pydantic import ConfigDict, Field

from edgeswap.records.base import Record, Unit
from edgeswap.records.grid import LayerOnGrid
from edgeswap.records.source import Caution, Data, ModelSource, TaskChoice

CauseKind = Literal[
    "outlier_channel", "outlier_values", "unequal_concat_inputs", "flat_region", "unused_range", "narrow_range",
    "unequal_features",
    "per_tensor_weights",
]  # fmt: skip


class Cost(Record):
    """A model with some fake-quants on, against the float model on the same samples."""

    snr_db: float | None = Field(description="signal-to-noise ratio of the worst output; null where nothing differs")
    drop: float | None = Field(description="of the task's metric, as in a comparison; null without labels")


class RangeUse(Record):
    """What an int8 range is used for, over all analysed samples; zero counts as a value of every range."""

    low: float = Field(description="real value of int8 -128")
    high: float = Field(description="real value of int8 127")
    observed_low: float = Field(description="lowest value of the float model on the analysed samples")
    observed_high: float = Field(description="highest value")
    central_width: float = Field(description="width that holds the central 99.9 % of the values")
    wasted: float = Field(description="share of the range beyond that width, 0 to 1")


class Spread(Record):
    """How unequal channels are that share one scale, or of weights that would."""

    channels: int
    largest_ratio: float | None = Field(description="largest channel range over that of the median channel; null at 0")
    worst: list[int] = Field(description="channels with the largest ranges, the largest first")


class Cause(Record):
    """Why int8 costs much here, and what to do about it."""

    kind: CauseKind
    problem: str
    remedy: str


class LayerCost(Record):
    """One layer: the weights of an operator and the range of what it writes."""

    layer: str = Field(description="name in the Keras model")
    output_layer: str | None = Field(description="layer whose output the range is that of; null without a range")
    is_input: bool = Field(description="whether it is an input of the model")
    tensor: str | None = Field(default=None, description="its output tensor in the int8 file, where that is known")
    only: Cost = Field(description="this layer in int8, all else in float32")
    all_but: Cost = Field(description="this layer in float32, all else in int8")
    weights_only_db: float | None = Field(description="as only.snr_db, of the weights alone; null if not measured")
    output_only_db: float | None = Field(description="as only.snr_db, of the output alone; null if not measured")
    own_snr_db: float | None = Field(description="of the layer's output in the whole int8 simulation; null without one")
    range: RangeUse | None
    channels: Spread | None = Field(description="of the output; null for an output of one channel")
    weights: Spread | None = Field(description="of the weights, one channel for each output; null without weights")
    cause: Cause | None = Field(description="null where no rule applies or the layer costs little")


class AnalyzeReport(Record):
    """analysis.json."""

    schema_: Literal["edgeswap.analyze/1"] = Field(default="edgeswap.analyze/1", alias="schema")
    edgeswap: str
    created: str = Field(description="UTC, ISO 8601")
    command: list[str] = Field(description="the command line of the run; empty if it was started from Python")
    seed: int
    model: ModelSource
    task: TaskChoice
    data: Data
    samples: int = Field(description="how many test samples were analysed")
    warnings: list[Caution] = Field(default=[], description="what to know before believing the figures")
    metric: str | None = Field(description="of the drops; null without labels")
    unit: Unit = Field(description="of the metric; drops of a share are in percentage points")
    float32_value: float | None = Field(description="the metric of the float model on these samples")
    all: Cost = Field(description="every fake-quant on: the simulation of PTQ")
    layers: list[LayerCost] = Field(description="the one that costs most alone first")
    on_grid: list[LayerOnGrid] = Field(
        default=[], description="values and weights on the int8 grid, of the layers that cost most alone"
    )
    left_to_calibration: list[str] = Field(description="layers whose ranges the converter sets: not analysed")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
