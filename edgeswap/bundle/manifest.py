"""model.json: all that a bundle's other files and an app must agree on. Numbers, never formatted text."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat, ValidationError, model_validator

from edgeswap.bundle.apps.facts import AppFacts, Holds, InputFacts, InputType, OutputFacts
from edgeswap.bundle.apps.pixels import PixelSteps
from edgeswap.errors import ModelError
from edgeswap.graph.feature_normalization import FeatureNormalization
from edgeswap.records import Io, Record, Unit

MODEL, MANIFEST, LABELS, SUMS = "model.tflite", "model.json", "labels.txt", "SHA256SUMS"
SCHEMA: Literal["edgeswap.bundle/2"] = "edgeswap.bundle/2"


class Pixels(Record):
    """From uint8 pixels to the input, channel by channel.

    int8 and uint8: floor(pixel * scale + offset + 0.5), clipped to what the type holds.
    float32: pixel * scale + offset.
    """

    preprocess: str = Field(description="the mapping's name in edgeswap")
    resize: str = Field(description="how images were brought to size when accuracy was measured")
    source_channels: list[int] = Field(description="which image channel each channel of the model takes")
    scales: list[PositiveFloat]
    offsets: list[float]

    @model_validator(mode="after")
    def _one_for_each_channel(self) -> Pixels:
        lengths = {len(self.source_channels), len(self.scales), len(self.offsets)}
        if len(lengths) != 1 or any(not 0 <= channel < len(self.scales) for channel in self.source_channels):
            raise ValueError("expected a source channel, a scale and an offset for each channel")
        return self


class Normalization(Record):
    """What the app does with each value before it quantizes: (value - mean) / deviation, by its place on the last axis.

    In double precision, from the value to the int8, so that every language gives the same int8.
    """

    mean: list[float]
    deviation: list[float]

    @model_validator(mode="after")
    def _one_for_each_feature(self) -> Normalization:
        if len(self.mean) != len(self.deviation) or not all(self.deviation):
            raise ValueError("expected a mean and a deviation other than zero for each feature")
        return self


class InputTensor(Record):
    """An input: real value = scale * (value - zero_point).

    A float32 input takes the real value itself; scale and zero point are those of the int8 tensor that it becomes.
    """

    name: str
    shape: list[int]
    dtype: InputType
    scale: float
    zero_point: int
    pixels: Pixels | None = Field(description="null if the app gives real values")
    normalization: Normalization | None = Field(default=None, description="null if the model takes them unchanged")


class OutputTensor(Record):
    """An output: real value = scale * (value - zero_point).

    A float32 output is the real value itself; scale and zero point are those of the int8 tensor that it comes from.
    """

    name: str
    shape: list[int]
    dtype: Io
    scale: float
    zero_point: int
    holds: Holds = Field(description="what the real values are")
    threshold: float | None = Field(
        default=None,
        description="where one value tells two classes apart, the second class is above this real value; where each "
        "class holds or not by itself, it holds above",
    )
    layer: str | None = Field(default=None, description="the layer that gives it, as its author named it")


class OperatorUse(Record):
    """One operator in one version, and how often the model has it."""

    name: str
    version: int
    count: int
    minimum_tensorflow_lite: str | None = Field(description="null where it is not known")


class Vector(Record):
    """Files of one golden vector: raw values, little-endian, C order, one file for each input or output."""

    inputs: list[str] = Field(description="as the app holds it: uint8 (.u8), float32 (.f32) or int32 (.i32)")
    quantized: list[str] = Field(description="as the model takes it")
    outputs: list[str] = Field(description="of the output's dtype, exactly as the named runtime gave them")


class Golden(Record):
    """Golden vectors: what went in, and what must come out."""

    runtime: str
    runtime_version: str
    delegate: str
    architecture: str | None = Field(
        default=None, description="of the processor, such as x86_64; null in bundles of an earlier edgeswap"
    )
    tolerance_steps: int = Field(
        ge=0, le=255, description="largest difference of an output in int8 steps under another runtime"
    )
    kernels_apart_steps: int = Field(
        description="largest difference in steps between the runtime's two sets of kernels"
    )
    vectors: list[Vector] = Field(min_length=1)


class Samples(Record):
    """Which data: `sha256` is over the raw samples and labels, in order."""

    samples: int
    sha256: str


class Provenance(Record):
    """Where the model comes from."""

    edgeswap: str
    method: str
    seed: int
    source_model: str
    source_model_sha256: str
    int8_model_sha256: str = Field(description="model_int8.tflite before its metadata were added")
    train: Samples | None
    calibration: Samples
    test: Samples | None = Field(description="null if nothing was measured")


class Results(Record):
    """How good the float32 and the int8 model are on the test samples, by the metric that decides."""

    task: str
    metric: str
    unit: Unit = Field(description="of the metric; a share is 0 to 1")
    higher_is_better: bool
    samples: int
    data: str = Field(description="the test samples' name, without folders")
    float32: float | None = Field(description="null without labels")
    int8: float | None = Field(description="null without labels")
    int8_ci95: tuple[float, float] | None = Field(description="95 % interval of int8")
    metrics: dict[str, float] = Field(description="all metrics of the int8 model, by name")


class Manifest(Record):
    """model.json."""

    schema_: Literal["edgeswap.bundle/2"] = Field(default=SCHEMA, alias="schema")
    name: str
    version: str = Field(description="the first digits of int8_model_sha256: another model is another version")
    description: str
    author: str
    licence: str
    inputs: list[InputTensor] = Field(min_length=1)
    outputs: list[OutputTensor] = Field(min_length=1)
    classes: int | None = Field(description="null if the model knows no classes")
    labels: Literal["labels.txt"] | None = Field(description="null if the classes have no names")
    preprocessing: list[str] = Field(description="what the app does with each input, step by step")
    operators: list[OperatorUse]
    keeps_state: bool = Field(default=False, description="a run leaves a state, which the app must reset")
    minimum_tensorflow_lite: str | None = Field(
        description="LiteRT has its own version numbers; all its versions are newer"
    )
    golden: Golden
    provenance: Provenance
    results: Results | None = Field(default=None, description="null in bundles of an earlier edgeswap")
    files: dict[str, str] = Field(description="path to SHA-256 of every file but model.json and SHA256SUMS")

    model_config = Record.model_config | {"populate_by_name": True}

    @model_validator(mode="before")
    @classmethod
    def _of_schema_1(cls, said: Any) -> Any:
        """A model.json of edgeswap.bundle/1, whose one output is told of by `scores`, in the form of today."""
        if not isinstance(said, dict) or said.get("schema") != "edgeswap.bundle/1":
            return said
        kept = {name: value for name, value in said.items() if name != "scores"}
        outputs = said.get("outputs")
        if isinstance(outputs, list) and all(isinstance(output, dict) for output in outputs):
            kept["outputs"] = [{**output, "holds": said.get("scores")} for output in outputs]
        return {**kept, "schema": SCHEMA}


def to_json(manifest: Manifest) -> bytes:
    """The file."""
    return (manifest.model_dump_json(by_alias=True, indent=2) + "\n").encode()


def from_json(data: bytes) -> Manifest:
    """What the file says; one of edgeswap.bundle/1 is read as well.

    Raises:
        ModelError: it is not of this schema.
    """
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ModelError(
            f"Expected a {MANIFEST} of schema {SCHEMA!r}, got at {where}: {first['msg']}.",
            "Make the bundle again, with this version of edgeswap.",
        ) from error


def app_facts(manifest: Manifest, model_sha256: str) -> AppFacts:
    """What the app code must know."""
    return AppFacts(
        model=manifest.name,
        model_sha256=model_sha256,
        inputs=tuple(input_facts(tensor) for tensor in manifest.inputs),
        outputs=tuple(output_facts(tensor) for tensor in manifest.outputs),
        classes=manifest.classes,
        labelled=manifest.labels is not None,
        golden_count=len(manifest.golden.vectors),
        runtime=manifest.golden.runtime,
        runtime_version=manifest.golden.runtime_version,
        tolerance_steps=manifest.golden.tolerance_steps,
        keeps_state=manifest.keeps_state,
    )


def input_facts(tensor: InputTensor) -> InputFacts:
    """An input as the app code sees it."""
    pixels = tensor.pixels
    steps = None
    if pixels is not None and tensor.dtype != "int32":
        channels, scales, offsets = tuple(pixels.source_channels), tuple(pixels.scales), tuple(pixels.offsets)
        steps = PixelSteps(channels, scales, offsets, pixels.preprocess, pixels.resize, tensor.dtype)
    own = tensor.normalization
    normalization = None if own is None else FeatureNormalization(tuple(own.mean), tuple(own.deviation))
    shape = tuple(tensor.shape)
    return InputFacts(tensor.name, shape, tensor.dtype, tensor.scale, tensor.zero_point, steps, normalization)


def output_facts(tensor: OutputTensor) -> OutputFacts:
    """An output as the app code sees it."""
    shape = tuple(tensor.shape)
    return OutputFacts(
        tensor.name, shape, tensor.scale, tensor.zero_point, tensor.holds, tensor.threshold, tensor.layer, tensor.dtype
    )
