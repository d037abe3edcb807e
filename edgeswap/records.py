"""The records that pass between the stages and make up report.json: numbers, never formatted text.

Records are frozen; units stand in the names. `report.schema.json` is generated from `ExportReport`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

CandidatePrecision = Literal["int8", "int16x8", "float16"]
Unit = Literal["share", "label", "dB", "none"]
Precision = Literal["float32", "float16", "dynamic_range", "int8", "int16x8"]


class Record(BaseModel):
    """Base of all records: frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_written(cls, value: Any) -> Any:
        r"""JSON cannot hold the surrogates that Python uses for names that are not UTF-8: they become \\xe9."""
        if isinstance(value, list):
            return [cls._can_be_written(item) for item in value]
        return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


class Quality(Record):
    """How good a model is on `samples` test samples, by the metric that its task has or the user chose.

    Without labels, where the metric needs them, `value` and `ci95` are null.
    """

    task: str = Field(description="what the model is for, as in --task")
    metric: str = Field(description="the primary metric, such as top1")
    value: float | None = Field(description="its value; a share is 0 to 1; null where it is not known")
    ci95: tuple[float, float] | None = Field(description="95 % interval of value")
    unit: Unit = Field(description="share, the unit of the labels (label), dB, or none")
    higher_is_better: bool
    samples: int = Field(description="number of test samples")
    metrics: dict[str, float] = Field(default={}, description="all metrics of the task that are known, by name")


class StageQuality(Record):
    """A float32 model between the baseline and the candidate, such as the one right after a swap."""

    quality: Quality


class ModelFile(Record):
    """A .tflite file in the output folder."""

    file: str = Field(description="file name in the output folder")
    size_bytes: int
    operators: dict[str, int] = Field(description="number of operators for each TFLite operator name")
    quality: Quality | None = Field(description="null if only latency was measured")


class Int8ModelFile(ModelFile):
    """The candidate, of any precision. A full-integer model has no float tensor and no float operator."""

    float_tensors: int = Field(description="number of float tensors; 0 for a full-integer model")
    float_operators: list[str] = Field(description="names of the operators that read or write float tensors")
    dense_scales: Literal["per tensor", "per channel"] | None = Field(
        default=None,
        description="scales of the quantized weights of FULLY_CONNECTED; null if there are none. TFLite 2.9 and older "
        "compute wrong results from per-channel weights",
    )


class Latency(Record):
    """Wall time of one `invoke()`, batch 1, in milliseconds."""

    p50: float = Field(description="50 % of the runs took no longer (the median)")
    p90: float = Field(description="90 % of the runs took no longer")
    p99: float = Field(description="99 % of the runs took no longer")
    mean: float
    runs: int = Field(description="number of timed runs")
    threads: int = Field(description="interpreter threads")


class Measurement(Record):
    """One model on one target."""

    quality: Quality | None = Field(default=None, description="null if only latency was measured")
    latency_ms: Latency | None = Field(description="null in an emulator, which counts instructions")
    instructions: float | None = Field(default=None, description="instructions per inference, only in an emulator")


class TargetResult(Record):
    """Both models on one target, measured by the same script in the same run."""

    name: str = Field(description="as given to --target, such as 'host'")
    machine: str
    cpu: str
    runtime: str = Field(description="package and version, such as 'ai-edge-litert 2.3.0'")
    delegate: str = Field(description="what the runtime handed operators to, such as 'xnnpack'")
    warnings: list[str] = Field(description="what may disturb the figures of this target")
    speedup_p50: float | None = Field(description="float32 p50 latency divided by int8 p50 latency")
    float32: Measurement = Field(description="of the baseline")
    int8: Measurement = Field(description="of the candidate, of any precision")


class TargetFailure(Record):
    """A target that gave no figures, with the problem and the remedy of its error."""

    name: str
    problem: str
    remedy: str


class NpuEstimate(Record):
    """Estimates of Arm's compiler Vela for the int8 model on an Ethos-U; nothing is measured.

    Cycles and time include the NPU and its waits for memory, but not the operators that the CPU runs.
    """

    accelerator: str = Field(description="as Vela names it, such as 'ethos-u55-128'")
    compiler: str = Field(description="package and version, such as 'ethos-u-vela 5.2.0'")
    system_config: str = Field(description="the clock and memories that Vela assumes, from its own vela.ini")
    memory_mode: str = Field(description="which memory holds what, from the same file")
    clock_hz: float = Field(description="clock of the NPU")
    file: str | None = Field(description="the compiled model in the output folder; null if it is not kept, as by bench")
    size_bytes: int = Field(description="of the compiled model")
    npu_operators: dict[str, int] = Field(description="operators of the int8 model that the NPU runs")
    cpu_operators: dict[str, int] = Field(description="operators of the int8 model that the CPU runs")
    cpu_reasons: list[str] = Field(description="'OPERATOR (tensor): reason', one for each operator on the CPU")
    npu_pieces: int = Field(description="number of pieces that the NPU runs without handing over to the CPU; 1 is best")
    npu_cycles: int = Field(description="the NPU's own cycles for one inference")
    total_cycles: int = Field(description="npu_cycles plus waits for memory; inference_ms is total_cycles at clock_hz")
    inference_ms: float
    macs: int = Field(description="multiply-accumulate operations of one inference")
    sram_bytes: int = Field(description="peak use; the same for the other memories")
    dram_bytes: int
    on_chip_flash_bytes: int
    off_chip_flash_bytes: int


class EdgeTpuHandover(Record):
    """Where the Edge TPU hands over to the CPU: at the first operator that it does not run."""

    operator: str
    tensor: str | None = Field(description="the tensor that the operator writes; null if the compiler does not name it")
    layer: str | None = Field(description="the Keras layer in the tensor's name; null if there is none")
    reason: str
    remedy: str = Field(description="what to write or choose instead; empty if nothing helps")


class EdgeTpuMapping(Record):
    """Which operators of the int8 model an Edge TPU runs, from its compiler or, without it, from Coral's table."""

    basis: str = Field(description="the compiler and its version, or the table")
    tpu_operators: dict[str, int]
    cpu_operators: dict[str, int]
    leaves_at: EdgeTpuHandover | None = Field(description="null if the Edge TPU runs the whole model")
    refused: str | None = Field(description="why the compiler rejects this model, by the table; null if it does not")
    subgraphs: int | None = Field(description="number of pieces on the Edge TPU; null if nothing was compiled")
    cached_parameter_bytes: int | None = Field(description="weights kept on the chip, as rounded by the compiler")
    streamed_parameter_bytes: int | None = Field(description="weights sent to the chip for every inference")
    file: str | None = Field(description="the compiled model in the output folder; null if nothing was compiled")


class OutputFidelity(Record):
    """One output of a model against the same output of another, over all values of all samples."""

    name: str
    snr_db: float | None = Field(
        description="10 log10(sum of v^2 / sum of (v - w)^2), v of the reference; null where nothing differs"
    )
    cosine: float | None = Field(description="of the angle between v and w; null where one of them is all zero")
    mean_steps: float | None = Field(description="mean of |v - w| in int8 steps of the output; null without a scale")
    max_steps: float | None = Field(description="the largest")
    bias: float | None = Field(description="mean of w - v, in the unit of the output; null without a finite value")
    worst_sample: int | None = Field(default=None, description="the test sample with the lowest ratio, from 0")


class Comparison(Record):
    """The candidate against the baseline (the float32 model as it was given), on the same test samples."""

    metric: str = Field(description="the metric of the drop, such as top1")
    unit: Unit = Field(description="of the metric; drops of a share are in percentage points")
    drop: float | None = Field(
        description="how much worse int8 is than float32 by the metric, whichever way is better: positive is worse; in "
        "percentage points for a share, else in its unit; null where it is not known"
    )
    drop_ci95: tuple[float, float] | None = Field(description="paired 95 % interval of drop")
    agreement: float | None = Field(
        description="share of decisions, such as classes, that are the same in both models, 0 to 1; null where a model "
        "decides nothing"
    )
    mcnemar_p: float | None = Field(
        default=None,
        description="exact two-sided McNemar p-value, for comparison; only where samples are right or wrong",
    )
    size_ratio: float = Field(description="float32 size_bytes divided by int8 size_bytes")
    control_drop: float | None = Field(
        default=None,
        description="as drop, against float32_finetuned",
    )
    outputs: list[OutputFidelity] = Field(default=[], description="how near each output of int8 is to float32")

    @property
    def can_be_chance(self) -> bool:
        """Whether two equally good models could differ this much: the paired interval of the drop includes 0.

        The interval alone decides; `edgeswap.statistics` says why. `mcnemar_p` is for comparison with other work.
        Without labels, or with too few samples, any difference can be chance.
        """
        return self.drop_ci95 is None or self.drop_ci95[0] <= 0 <= self.drop_ci95[1]


class Ranges(Record):
    """Endpoints of the activations' int8 ranges, two for each range, counted by how they were chosen."""

    policy: Literal["auto", "fixed", "observed", "learned"]
    fixed: int = Field(description="at the activation's bound, or prescribed by its kernel")
    narrowed: int = Field(description="tightened by calibration to less than the activation's bound")
    observed: int = Field(description="set by calibration, because the activation has no bound")
    saturated: int = Field(description="where the only activation that reads the tensor is flat")
    learned: int = Field(description="learned by QAT")


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
    outputs: list[OutputFidelity] = Field(default=[], description="how near each output is to fake-quant's")


class Limit(Record):
    """A limit that the user set, and the measured value."""

    name: Literal["max_drop", "max_latency_ms", "max_size"]
    limit: float
    value: float
    passed: bool


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
    """The three roles of data in a run. edgeswap never trains or calibrates on test samples."""

    train: DataSource | None = Field(description="null if nothing was trained")
    calibration: DataSource
    test: DataSource
    preprocess: str
    resize: str | None = Field(description="how image files were resized; null if there were no image files")


class Caution(Record):
    """A warning: something to know before believing the figures, and what to do about it."""

    kind: str = Field(description="a fixed word for programs, such as `large_drop`")
    problem: str
    remedy: str


class ExportReport(Record):
    """report.json."""

    schema_: Literal["edgeswap.report/2"] = Field(default="edgeswap.report/2", alias="schema")
    edgeswap: str
    created: str = Field(description="UTC, ISO 8601")
    command: list[str] = Field(description="the command line of the run; empty if it was started from Python")
    method: Literal["ptq", "qat"]
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
    comparison: Comparison
    targets: list[TargetResult]
    failures: list[TargetFailure] = Field(default=[], description="targets that gave no figures, and why")
    npus: list[NpuEstimate] = Field(default=[], description="estimates by a compiler for NPUs; nothing ran there")
    edgetpu: EdgeTpuMapping | None = Field(default=None, description="of the candidate; null unless requested")
    normalized_by_app: list[str] = Field(
        default=[], description="inputs that the app normalizes: both .tflite files take normalized values"
    )
    dense_scales_by: Literal["user", "target"] | None = Field(
        default=None, description="what chose the scales of dense weights: --dense-scales (user) or the first target"
    )
    left_to_calibration: list[str] = Field(
        default=[], description="layers without a range rule in edgeswap; the converter set their ranges"
    )
    ranges: Ranges | None = None
    parity: Parity | None = None
    limits: list[Limit] = Field(description="empty if the user set none")
    passed: bool = Field(description="whether every limit holds and every target gave figures")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class BenchCandidate(Record):
    """A .tflite file that is compared with the first one, the baseline."""

    name: str = Field(description="its precision, or its file name if others have the same precision")
    precision: Precision
    model: Int8ModelFile
    comparison: Comparison | None = Field(description="against the baseline; null without data")
    targets: list[TargetResult] = Field(description="`float32` in each is the baseline, `int8` this candidate")


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

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
