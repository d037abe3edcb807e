"""What was exported: the model, its task, the data, what was swapped and how it was quantized."""

from typing import Literal

from pydantic import ConfigDict, Field

from edgeswap.records.base import Record
from edgeswap.records.grid import LayerOnGrid
from edgeswap.records.quality import OutputFidelity


class ModelSource(Record):
    """Which model was exported."""

    name: str
    source: str = Field(description="the path, or what it was built from")
    sha256: str = Field(description="of the file, or of the structure and weights of a model object")


class TaskChoice(Record):
    """What the model is for."""

    name: str = Field(description="as in --task")
    reason: str = Field(description="why it is this one: the user said so, or what in outputs and labels tells it")


class SwappedActivation(Record):
    """One activation that was swapped."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    layer: str
    from_: str = Field(alias="from")
    to: str


class SkippedActivation(Record):
    """One activation that stays, and the reason."""

    layer: str
    activation: str
    reason: str


class Activations(Record):
    """The result of the swap."""

    swapped: list[SwappedActivation]
    skipped: list[SkippedActivation]


class DataSource(Record):
    """Where samples came from."""

    source: str = Field(description="the SPEC as given, or the part of it")
    samples: int
    sha256: str = Field(description="of the raw samples and labels, in order")


class Data(Record):
    """The roles of data in a run. edgeswap never trains, calibrates or chooses on test samples."""

    train: DataSource | None = Field(description="null if nothing was trained")
    validation: DataSource | None = Field(
        default=None, description="set aside from the training samples, to choose the best epoch by; null if none were"
    )
    calibration: DataSource
    test: DataSource | None = Field(description="null with --no-measure, where none are set aside")
    preprocess: str
    resize: str | None = Field(description="how image files were resized; null if there were no image files")


class ActivationRange(Record):
    """The int8 range of what one activation gives."""

    layer: str
    activation: str
    bounds: tuple[float | None, float | None] = Field(
        description="lowest and highest value that the function can give: its clip; null without one"
    )
    before: tuple[float, float] = Field(description="the range before any training in int8")
    after: tuple[float, float] = Field(
        description="the range in the int8 model: what -128 and 127 stand for, before zero is moved to a whole step"
    )
    how: tuple[str, str] = Field(description="how each endpoint was chosen, by the keys of Ranges")


class Ranges(Record):
    """Endpoints of the activations' int8 ranges, two for each range, counted by how they were chosen."""

    policy: Literal["auto", "fixed", "observed", "learned"]
    fixed: int = Field(description="at the activation's bound, or prescribed by its kernel")
    narrowed: int = Field(description="tightened by calibration to less than the activation's bound")
    observed: int = Field(description="set by calibration, because the activation has no bound")
    saturated: int = Field(description="where the only activation that reads the tensor is flat")
    searched: int = Field(default=0, description="where the error is least behind the layers that read the tensor")
    learned: int = Field(description="learned by QAT")
    activations: list[ActivationRange] = Field(default=[], description="of each activation, in the order of the model")


class Parity(Record):
    """The int8 .tflite against the fake-quant model, which imitates int8 in training."""

    samples: int
    agreement: float | None = Field(
        description="share of samples without ties that get the same class; null if all are ties, or without classes"
    )
    ties: int = Field(description="samples on which classes of the fake-quant model share the highest output")
    layers: int = Field(description="number of layers compared, on a few samples")
    worst_layer: str | None = Field(description="the layer with the lowest signal-to-noise ratio")
    worst_layer_snr_db: float | None = Field(description="its signal-to-noise ratio in dB; null if no layer differs")
    layer_snr_db: dict[str, float | None] = Field(
        default={}, description="signal-to-noise ratio in dB by compared layer, the lowest first; null if none differs"
    )
    on_grid: list[LayerOnGrid] = Field(
        default=[],
        description="values and weights on the int8 grid, of the layers with the lowest ratios, on a few samples",
    )
    outputs: list[OutputFidelity] = Field(default=[], description="how near each output is to fake-quant's")


class Caution(Record):
    """A warning: something to know before believing the figures, and what to do about it."""

    kind: str = Field(description="a fixed word for programs, such as `large_drop`")
    problem: str
    remedy: str


class Limit(Record):
    """A limit that the user set, and the measured value."""

    name: Literal["max_drop", "max_latency_ms", "max_size", "max_arena", "require_delegate"]
    limit: float = Field(description="0 of --require-delegate")
    value: float = Field(description="of --require-delegate: operators that the delegate did not take, at most")
    passed: bool
