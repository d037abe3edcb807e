"""What the app code must know of a model. `bundle` fills it in, `generate` writes the code from it.

Golden vectors are files of raw values without a header, C order, little-endian, named by `golden_files`:

    golden/0.input0.u8       uint8 pixels (height, width, channels) as the app holds them, already resized
    golden/0.input0.f32      or real values as the model was trained with, float32; not normalized where the app does it
    golden/0.input0.i32      or whole numbers for an input that is not quantized, int32
    golden/0.quantized0.i8   the same sample as the model takes it (.i32 where the input is not quantized, .u8 or .f32
                             where the model's ends are uint8 or float32)
    golden/0.output0.i8      what the runtime made of it, to the last bit (.u8 or .f32 likewise)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from edgeswap.bundle.apps.pixels import PixelSteps
from edgeswap.errors import ModelError
from edgeswap.graph.feature_normalization import FeatureNormalization
from edgeswap.records import Io

Form = Literal["u8", "f32", "i32"]
InputType = Literal["int8", "uint8", "float32", "int32"]
SUFFIX = {"int8": "i8", "uint8": "u8", "float32": "f32", "int32": "i32"}  # of golden files
# What an output holds: scores of classes, plain numbers, a class for each pixel, an image, or boxes in some coding.
Holds = Literal["probabilities", "logits", "values", "class map", "image", "boxes as the model gives them"]
SCORES = ("probabilities", "logits")


@dataclass(frozen=True)
class InputFacts:
    """One input of the model.

    Attributes:
        name: of the tensor in the .tflite, as an interpreter reports it.
        shape: with the batch of 1, such as (1, 224, 224, 3).
        dtype: int8, uint8 or float32, or int32 for whole numbers that are not quantized.
        scale: real value of one step, of a float32 input that of the int8 tensor it becomes; 0.0 where it is int32.
        zero_point: the step that stands for 0.0, likewise; 0 where the dtype is int32.
        pixels: how uint8 pixels become the input; None where it is no image, or its mapping is a user's own function:
            then the app gives real values.
        normalization: what the app's real values go through before they are quantized; None where they stay.
    """

    name: str
    shape: tuple[int, ...]
    dtype: InputType
    scale: float
    zero_point: int
    pixels: PixelSteps | None = None
    normalization: FeatureNormalization | None = None

    def __post_init__(self) -> None:
        _check_shape(self.name, self.shape)
        _check_scale(self.name, self.scale, quantized=self.dtype != "int32")
        if self.pixels is not None and (self.dtype != self.pixels.dtype or len(self.shape) != 4):
            raise ModelError(
                f"Expected pixels for an input (1, height, width, channels) of {self.pixels.dtype}, got {self.dtype} "
                f"{self.shape}.",
                f"Give the input {self.name!r} without pixel steps.",
            )
        if self.pixels is not None and len(self.pixels.scales) != self.shape[3]:
            raise ModelError(
                f"Expected pixel steps of {self.shape[3]} channels for {self.name!r}, got {len(self.pixels.scales)}.",
                "Make them for the shape of this input.",
            )
        by_feature = self.normalization
        if by_feature is not None and (self.form != "f32" or len(by_feature.mean) != self.shape[-1]):
            raise ModelError(
                f"Expected a normalization of {self.shape[-1]} features of real values for {self.name!r}, got "
                f"{len(by_feature.mean)}.",
                "Make it for the shape of this input.",
            )

    @property
    def form(self) -> Form:
        """What the app holds: pixels (u8), real values (f32) or whole numbers (i32)."""
        if self.dtype == "int32":
            return "i32"
        return "f32" if self.pixels is None else "u8"


@dataclass(frozen=True)
class OutputFacts:
    """One output of the model: real value = scale * (step - zero_point), or the value itself where it is float32.

    Attributes:
        name: of the tensor in the .tflite.
        shape: with the batch of 1.
        scale: real value of one step; of a float32 output that of the int8 tensor it comes from.
        zero_point: the step that stands for 0.0, likewise.
        holds: what the real values are.
        threshold: where one value, or one value a pixel, tells two classes apart: it is the second class above this
            real value. Where each class holds or not by itself, it holds above. None elsewhere.
        layer: the layer that gives it, as its author named it; None where only the tensor's name is known.
        dtype: of the tensor.
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    holds: Holds = "values"
    threshold: float | None = None
    layer: str | None = None
    dtype: Io = "int8"

    def __post_init__(self) -> None:
        _check_shape(self.name, self.shape)
        _check_scale(self.name, self.scale, quantized=True)
        by_one_value = self.classes == 2 and self.shape[-1] == 1
        if (self.threshold is not None) != by_one_value and not self.each_by_itself:
            raise ModelError(
                f"Expected a threshold just where a value by itself tells whether a class holds, got "
                f"{self.threshold} for {self.name!r} of shape {self.shape}, {self.holds}.",
                "Build the facts from the model.",
            )

    @property
    def each_by_itself(self) -> bool:
        """Whether each of several classes holds or not by its own value."""
        return self.threshold is not None and self.holds in SCORES and self.shape[-1] > 1

    @property
    def classes(self) -> int | None:
        """How many classes it tells apart: two with one value, else as many as its last axis; None without classes."""
        if self.holds in (*SCORES, "class map"):
            return max(2, self.shape[-1])
        return None


@dataclass(frozen=True)
class AppFacts:
    """One model, as the app code sees it.

    Attributes:
        model: the name of the network, for comments alone.
        model_sha256: of model.tflite as it lies in the bundle, 64 hexadecimal digits.
        inputs: in the order of the interpreter.
        outputs: in the order of the interpreter. An output of scores or of a class map is the only one.
        classes: how many classes there are: as many as such an output tells apart, or as boxes have names for. None
            where the model knows no classes.
        labelled: whether labels.txt lies in the bundle, one name a line, as many as `classes`.
        golden_count: how many golden vectors there are.
        runtime: what made the golden outputs, such as `ai-edge-litert`.
        runtime_version: such as `2.3.0`.
        tolerance_steps: how many int8 steps an output may be off under another runtime.
        keeps_state: whether the model hands something on from one run to the next, as an LSTM does. The app code resets
            it before each run.
    """

    model: str
    model_sha256: str
    inputs: tuple[InputFacts, ...]
    outputs: tuple[OutputFacts, ...]
    classes: int | None
    labelled: bool
    golden_count: int
    runtime: str
    runtime_version: str
    tolerance_steps: int
    keeps_state: bool = False

    def __post_init__(self) -> None:
        problem = None
        if not re.fullmatch("[0-9a-f]{64}", self.model_sha256):
            problem = f"Expected a SHA-256 of 64 hexadecimal digits, got {self.model_sha256!r}."
        elif not self.inputs or not self.outputs:
            problem = f"Expected inputs and outputs, got {len(self.inputs)} and {len(self.outputs)}."
        elif len(types := {output.dtype for output in self.outputs}) > 1 or self._input_types - types:
            problem = f"Expected inputs and outputs of one type, got {', '.join(sorted(self._input_types | types))}."
        elif len(self.outputs) > 1 and any(output.classes for output in self.outputs):
            problem = f"Expected one output where it tells classes apart, got {len(self.outputs)}."
        elif not self.boxes and self.classes != self.outputs[0].classes:
            problem = f"Expected as many classes as the output tells apart, got {self.classes}."
        elif self.labelled and self.classes is None:
            problem = "Expected labels only with classes, got labels without classes."
        elif self.golden_count < 1 or self.tolerance_steps < 0:
            problem = f"Expected golden vectors and a tolerance, got {self.golden_count} and {self.tolerance_steps}."
        if problem is not None:
            raise ModelError(problem, "Build the facts from the model and the bundle's own files.")

    @property
    def io(self) -> Io:
        """The type of the inputs and outputs, save for inputs of whole numbers."""
        return self.outputs[0].dtype

    @property
    def _input_types(self) -> set[str]:
        return {str(given.dtype) for given in self.inputs} - {"int32"}

    @property
    def boxes(self) -> bool:
        """Whether the outputs hold boxes, whose classes no shape tells."""
        return self.outputs[0].holds == "boxes as the model gives them"


class GoldenFiles(NamedTuple):
    """The files of one golden vector: paths in the bundle, one for each input or output."""

    inputs: tuple[str, ...]
    quantized: tuple[str, ...]
    outputs: tuple[str, ...]


def golden_files(vector: int, inputs: Sequence[InputFacts], outputs: Sequence[OutputFacts]) -> GoldenFiles:
    """Where golden vector number `vector` (from 0) lies in the bundle."""
    return GoldenFiles(
        tuple(f"golden/{vector}.input{index}.{given.form}" for index, given in enumerate(inputs)),
        tuple(f"golden/{vector}.quantized{index}.{SUFFIX[given.dtype]}" for index, given in enumerate(inputs)),
        tuple(f"golden/{vector}.output{index}.{SUFFIX[output.dtype]}" for index, output in enumerate(outputs)),
    )


def elements(shape: Sequence[int]) -> int:
    """How many values a tensor of `shape` holds."""
    count = 1
    for size in shape:
        count *= size
    return count


def _check_shape(name: str, shape: Sequence[int]) -> None:
    if not shape or any(size < 1 for size in shape):
        raise ModelError(
            f"Expected fixed sizes, got the shape {tuple(shape)} of tensor {name!r}.",
            "Export the model with fixed input sizes and batch 1.",
        )


def _check_scale(name: str, scale: float, *, quantized: bool) -> None:
    if (scale > 0) != quantized:
        raise ModelError(
            f"Expected {'a positive scale' if quantized else 'no scale'} for tensor {name!r}, got {scale}.",
            "The app code is for full-integer models.",
        )
