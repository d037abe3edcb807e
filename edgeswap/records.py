"""What passes between the stages and lands in report.json: numbers, never formatted text.

Records are frozen; units stand in the names. `report.schema.json` is generated from `ExportReport`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

CandidatePrecision = Literal["int8", "int16x8", "float16"]
Precision = Literal["float32", "float16", "dynamic_range", "int8", "int16x8"]


class Record(BaseModel):
    """Base of all records: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_written(cls, value: Any) -> Any:
        r"""Names of files and arguments that are no UTF-8 have surrogates in Python, which JSON cannot hold: \\xe9."""
        if isinstance(value, list):
            return [cls._can_be_written(item) for item in value]
        return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


class Accuracy(Record):
    """Top-1 accuracy over `samples` test samples; without labels `top1` and `ci95` are null."""

    top1: float | None = Field(description="share of samples whose highest logit is the label's, 0 to 1")
    ci95: tuple[float, float] | None = Field(description="95 % Wilson score interval of top1")
    samples: int


class StageAccuracy(Record):
    """A float model on the way from the one given to the one quantized."""

    accuracy: Accuracy


class ModelFile(Record):
    """A .tflite in the output folder."""

    file: str
    size_bytes: int
    operators: dict[str, int] = Field(description="TFLite builtin operator name to how often it occurs")
    accuracy: Accuracy


class Int8ModelFile(ModelFile):
    """The candidate, whatever its precision. A full-integer model has no float tensor and so no float operator."""

    float_tensors: int
    float_operators: list[str]
    dense_scales: Literal["per tensor", "per channel"] | None = Field(
        default=None,
        description="of the quantized weights of FULLY_CONNECTED; null where there are none. TFLite 2.9 and before "
        "compute nonsense from weights with a scale for each unit",
    )


class Latency(Record):
    """Wall time of one `invoke()`, batch 1, in milliseconds."""

    p50: float
    p90: float
    p99: float
    mean: float
    runs: int
    threads: int


class Measurement(Record):
    """One model on one target."""

    accuracy: Accuracy
    latency_ms: Latency | None
    instructions: float | None = Field(default=None, description="instructions per inference, in an emulator only")


class TargetResult(Record):
    """Both models on one target, measured by the same script in the same run."""

    name: str
    machine: str
    cpu: str
    runtime: str = Field(description="package and version, such as 'ai-edge-litert 2.3.0'")
    delegate: str
    warnings: list[str]
    speedup_p50: float | None = Field(description="float32 p50 latency divided by int8 p50 latency")
    float32: Measurement
    int8: Measurement


class TargetFailure(Record):
    """A target that failed beside others that did not; its problem and remedy are those of the error."""

    name: str
    problem: str
    remedy: str


class NpuEstimate(Record):
    """What Arm's compiler Vela expects of the int8 model on an Ethos-U: the compiler's estimates, never measured.

    Cycles and time are those of the NPU and the memories it waits for; operators left to the CPU are not in them.
    """

    accelerator: str = Field(description="as Vela names it, such as 'ethos-u55-128'")
    compiler: str = Field(description="package and version, such as 'ethos-u-vela 5.2.0'")
    system_config: str = Field(description="the clock and memories that Vela reckons with, from its own vela.ini")
    memory_mode: str = Field(description="which of these memories hold what, from the same file")
    clock_hz: float = Field(description="of the NPU")
    file: str | None = Field(
        description="the compiled model in the output folder; null where none is kept, as by bench"
    )
    size_bytes: int = Field(description="of the compiled model")
    npu_operators: dict[str, int] = Field(description="operators of the int8 model that the NPU runs")
    cpu_operators: dict[str, int] = Field(description="operators that stay on the CPU beside it")
    cpu_reasons: list[str] = Field(
        description="'OPERATOR (tensor): what Vela says against it', one for each on the CPU, as they run"
    )
    npu_pieces: int = Field(description="pieces that the NPU runs without handing over to the CPU; 1 is best")
    npu_cycles: int = Field(description="the NPU's own cycles for one inference")
    total_cycles: int = Field(description="the same with waiting for memory; inference_ms is these at clock_hz")
    inference_ms: float
    macs: int = Field(description="multiply-accumulates of one inference")
    sram_bytes: int = Field(description="used at once; so are the other memories'")
    dram_bytes: int
    on_chip_flash_bytes: int
    off_chip_flash_bytes: int


class EdgeTpuHandover(Record):
    """Where the Edge TPU hands over to the CPU: the first operator that it does not run."""

    operator: str
    tensor: str | None = Field(description="that the operator writes; null where the compiler does not tell which")
    layer: str | None = Field(description="the Keras layer that the tensor's name points to")
    reason: str
    remedy: str = Field(description="what to write or choose instead; empty where there is nothing to do")


class EdgeTpuMapping(Record):
    """Which operators of the int8 model an Edge TPU runs: as its compiler says, else by Coral's table."""

    basis: str = Field(description="the compiler and its version, or the table")
    tpu_operators: dict[str, int]
    cpu_operators: dict[str, int]
    leaves_at: EdgeTpuHandover | None = Field(description="null where the Edge TPU runs all of it")
    refused: str | None = Field(description="why the compiler takes no model such as this, by the table; else null")
    subgraphs: int | None = Field(description="pieces that run on the Edge TPU; null where nothing was compiled")
    cached_parameter_bytes: int | None = Field(description="of weights kept on the chip, as the compiler rounds it")
    streamed_parameter_bytes: int | None = Field(description="of weights sent to it for every inference")
    file: str | None = Field(description="the compiled model in the output folder; null where nothing was compiled")


class Comparison(Record):
    """int8 against the float32 model as it was given, on the same test samples."""

    top1_drop: float | None = Field(description="float32 minus int8 top-1, in percentage points")
    top1_drop_ci95: tuple[float, float] | None = Field(description="paired 95 % interval of top1_drop")
    top1_agreement: float = Field(description="share of samples on which both give the same class")
    mcnemar_p: float | None = Field(
        description="exact two-sided McNemar p-value, null without labels; what is chance, top1_drop_ci95 decides"
    )
    size_ratio: float = Field(description="float32 size_bytes divided by int8 size_bytes")
    control_drop: float | None = Field(
        default=None, description="float32_finetuned minus int8 top-1, in percentage points; null where no control ran"
    )

    @property
    def can_be_chance(self) -> bool:
        """Whether two models that are equally good could differ so: 0 lies within the paired interval of the drop.

        One test decides, and it is the interval's: Tango's leaves 0 out exactly where McNemar's asymptotic test is
        significant at 5 %, of which it is the inversion. Fagerland, Lydersen and Laake (BMC Medical Research
        Methodology 13:91, 2013) recommend that test over the exact conditional one, which stays far below its level
        and so calls chance what is none; `mcnemar_p` is that one, for comparison with other work, and decides nothing.
        Without labels, or without samples enough, all can be chance.
        """
        return self.top1_drop_ci95 is None or self.top1_drop_ci95[0] <= 0 <= self.top1_drop_ci95[1]


class Ranges(Record):
    """Ends of int8 ranges of activations, two for each range, by how they came about."""

    policy: Literal["auto", "fixed", "observed", "learned"]
    fixed: int = Field(description="at the bound of the activation, or prescribed by its kernel")
    narrowed: int = Field(description="at what was observed, which is tighter than the bound")
    observed: int = Field(description="at what was observed: there is no bound")
    saturated: int = Field(description="where the activation that alone reads the tensor is flat")
    learned: int = Field(description="where training by gradient left them")


class Parity(Record):
    """The fake-quant model, which stands for int8 in training, against the int8 .tflite."""

    samples: int
    agreement: float | None = Field(description="share of the samples without a tie on which both give the same class")
    ties: int = Field(description="samples whose highest output the fake-quant model gives to several classes")
    layers: int = Field(description="how many layers could be compared, on a few samples")
    worst_layer: str | None = Field(description="the layer where they part most, by signal-to-noise ratio")
    worst_layer_snr_db: float | None = Field(description="its ratio, in dB; null where no layer differs")


class Limit(Record):
    """A limit the user set, and how the run stands to it."""

    name: Literal["max_drop", "max_latency_ms", "max_size"]
    limit: float
    value: float
    passed: bool


class ModelSource(Record):
    """Which model was exported."""

    name: str
    source: str
    sha256: str


class SwappedActivation(Record):
    """One activation that was replaced."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    layer: str
    from_: str = Field(alias="from")
    to: str


class SkippedActivation(Record):
    """One activation that stays, and why."""

    layer: str
    activation: str
    reason: str


class Activations(Record):
    """What the swap did."""

    swapped: list[SwappedActivation]
    skipped: list[SkippedActivation]


class DataSource(Record):
    """Where samples came from and what was done to them."""

    source: str
    samples: int
    sha256: str = Field(description="of the raw samples and labels, in order")


class Data(Record):
    """The three disjoint roles of data in a run. edgeswap never trains or calibrates by test samples."""

    train: DataSource | None
    calibration: DataSource
    test: DataSource
    preprocess: str
    resize: str | None = Field(description="how image files reached the model's input size")


class Caution(Record):
    """Something that a reader must know before the figures are believed, and what to do about it."""

    kind: str = Field(description="a fixed word for programs, such as `large_drop`")
    problem: str
    remedy: str


class ExportReport(Record):
    """report.json."""

    schema_: Literal["edgeswap.report/1"] = Field(default="edgeswap.report/1", alias="schema")
    edgeswap: str
    created: str = Field(description="UTC, ISO 8601")
    command: list[str] = Field(description="the command line of the run; empty where it was called from Python")
    method: Literal["ptq", "qat"]
    precision: CandidatePrecision = Field(default="int8", description="of the candidate, whose key is `int8` in each")
    seed: int
    model: ModelSource
    data: Data
    warnings: list[Caution] = Field(default=[], description="the gravest first; those of one target stand there")
    activations: Activations
    float32: ModelFile
    float32_swapped: StageAccuracy | None = None
    float32_recovered: StageAccuracy | None = None
    float32_finetuned: StageAccuracy | None = None
    int8: Int8ModelFile
    comparison: Comparison
    targets: list[TargetResult]
    failures: list[TargetFailure] = Field(default=[], description="targets that gave no figures, and why")
    npus: list[NpuEstimate] = Field(default=[], description="compiler's estimates for NPUs; nothing ran there")
    edgetpu: EdgeTpuMapping | None = Field(default=None, description="of the candidate; null unless it was asked for")
    normalized_by_app: list[str] = Field(
        default=[],
        description="inputs whose own Normalization is left to the app: both .tflite files take them normalized",
    )
    dense_scales_by: Literal["user", "target"] | None = Field(
        default=None,
        description="who chose the scales of dense weights: --dense-scales, or what the first target runs; null where "
        "there was no choice",
    )
    left_to_calibration: list[str] = Field(
        default=[], description="layers whose ranges the placement does not know; the converter's calibration set them"
    )
    ranges: Ranges | None = None
    parity: Parity | None = None
    limits: list[Limit]
    passed: bool

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class BenchCandidate(Record):
    """A .tflite file beside the first one, the baseline."""

    name: str = Field(description="what the report calls it: its precision, or its file where others have the same")
    precision: Precision
    model: Int8ModelFile
    comparison: Comparison | None = Field(description="with the baseline; null without data")
    targets: list[TargetResult] = Field(description="`float32` in each is the baseline, `int8` this candidate")


class BenchReport(Record):
    """What `edgeswap bench` measured of .tflite files, in the records of an export.

    `float32` is the first file and `int8` the second, whatever their precision; `candidates` are all but the first.
    """

    schema_: Literal["edgeswap.bench/1"] = Field(default="edgeswap.bench/1", alias="schema")
    edgeswap: str
    created: str = Field(description="UTC, ISO 8601")
    command: list[str] = Field(description="the command line of the run; empty where it was called from Python")
    baseline: str = Field(default="float32", description="what the report calls the first file; see its candidates")
    baseline_precision: Precision = "float32"
    precision: Precision = Field(description="of the second file, by the types of its tensors")
    float32: ModelFile
    int8: Int8ModelFile
    candidates: list[BenchCandidate] = Field(
        default=[], description="all files but the first; the second is also `int8`, `comparison` and `targets`"
    )
    data: DataSource | None = Field(description="the samples that all models were given; null for latency alone")
    preprocess: str | None = Field(description="how they reached the models; null without data")
    resize: str | None = Field(default=None, description="how image files reached the models' input size")
    comparison: Comparison | None = Field(description="null without data")
    targets: list[TargetResult]
    failures: list[TargetFailure] = Field(default=[], description="targets that gave no figures, and why")
    npus: list[NpuEstimate] = Field(default=[], description="compiler's estimates for NPUs; nothing ran there")
    edgetpu: EdgeTpuMapping | None = Field(default=None, description="of the candidate; null unless it was asked for")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
