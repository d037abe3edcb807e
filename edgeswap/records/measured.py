"""The .tflite files, and what was measured of them on targets."""

from typing import Literal

from pydantic import Field

from edgeswap.records.base import Io, Record
from edgeswap.records.quality import Quality


class ModelFile(Record):
    """A .tflite file in the output folder."""

    file: str = Field(description="file name in the output folder")
    size_bytes: int
    operators: dict[str, int] = Field(description="number of operators for each TFLite operator name")
    quality: Quality | None = Field(description="null if only latency was measured")


class Int8ModelFile(ModelFile):
    """The candidate, of any precision. A full-integer model has no float tensor and no float operator."""

    io: Io | None = Field(
        default=None, description="--io: type of the inputs and outputs of a full-integer model; null for another"
    )
    float_tensors: int = Field(description="number of float tensors between the inputs and outputs; 0 if full-integer")
    float_operators: list[str] = Field(description="names of the operators that read or write such float tensors")
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


class ArenaUse(Record):
    """What a model takes of a microcontroller's tensor arena, by the allocator of its interpreter, on 64 bits."""

    total_bytes: int = Field(description="what an arena must have, in bytes")
    head_bytes: int = Field(description="of it tensors, whose room is shared")
    tail_bytes: int = Field(description="of it structures and buffers that stay; a 32-bit machine needs less")


class MicroMeasurement(Record):
    """One model by TensorFlow Lite for Microcontrollers."""

    arena: ArenaUse
    operators: list[str] = Field(description="methods of a MicroMutableOpResolver that add just these kernels")
    differing: float | None = Field(
        default=None, description="share of output values that ai-edge-litert gives otherwise; null without data"
    )
    max_steps: float | None = Field(
        default=None,
        description="by how many int8 steps at most; null without data, and of a model that computes in float",
    )


class OutsideOperator(Record):
    """An operator that the delegate did not take, so that the runtime's own kernels ran it."""

    operator: str
    tensor: str = Field(description="the tensor that it writes")
    layer: str | None = Field(description="the Keras layer in the tensor's name; null if there is none")
    reason: str
    remedy: str = Field(description="what to write or choose instead; empty if nothing helps")


class ActivationKernel(Record):
    """What activations of one kind became on a target; other chains of pointwise operators count as such."""

    form: Literal["fused", "table", "operator", "chain"] = Field(
        description="fused: a clamp of the operator before; table: one look-up for all its operators; operator: one "
        "kernel that computes; chain: several passes over the data"
    )
    operators: list[str] = Field(description="the TFLite operators in order; for a fused one the clamp")
    passes: int = Field(description="how often its values are read and written for it; 0 if fused")
    layers: list[str] = Field(description="the Keras layers, or tensors where no layer is known")


class Measurement(Record):
    """One model on one target."""

    quality: Quality | None = Field(default=None, description="null if only latency was measured")
    latency_ms: Latency | None = Field(description="null in an emulator, which counts instructions")
    instructions: float | None = Field(default=None, description="instructions per inference, only in an emulator")
    micro: MicroMeasurement | None = Field(default=None, description="only on --target micro")
    outside_delegate: list[OutsideOperator] | None = Field(
        default=None,
        description="operators that the delegate did not take; null without a delegate, and of the baseline",
    )
    activation_kernels: list[ActivationKernel] | None = Field(
        default=None,
        description="what each kind of activation became, by the runtime's rules; null of the baseline, and where they "
        "are not known",
    )


class TargetResult(Record):
    """Both models on one target, measured by the same script in the same run."""

    name: str = Field(description="as given to --target, such as 'host'")
    machine: str
    cpu: str
    runtime: str = Field(description="package and version, such as 'ai-edge-litert 2.3.0'")
    delegate: str = Field(description="what the runtime handed operators to, such as 'xnnpack'")
    api: Literal["interpreter", "compiled"] = Field(
        default="interpreter", description="what ran the models: TFLite's Interpreter or LiteRT's CompiledModel"
    )
    int8_instructions: list[str] | None = Field(
        default=None,
        description="instruction sets of the CPU that XNNPACK has int8 kernels for, by its /proc/cpuinfo, the slowest "
        "first; null where that does not tell",
    )
    warnings: list[str] = Field(description="what may disturb the figures of this target")
    speedup_p50: float | None = Field(description="float32 p50 latency divided by int8 p50 latency")
    float32: Measurement = Field(description="of the baseline")
    int8: Measurement = Field(description="of the candidate, of any precision")


class TargetFailure(Record):
    """A target that gave no figures, with the problem and the remedy of its error."""

    name: str
    problem: str
    remedy: str
