"""What the tests of the app code need: small real models, and the folder of a bundle with golden vectors of theirs."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import ai_edge_litert
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgeswap.bundle.apps.facts import AppFacts, Holds, InputFacts, OutputFacts, golden_files
from edgeswap.bundle.apps.generate import generate
from edgeswap.bundle.apps.pixels import pixel_steps
from edgeswap.data.preprocess import from_name
from edgeswap.data.resizing import RESIZE
from edgeswap.graph.feature_normalization import FeatureNormalization
from edgeswap.records import Io
from edgeswap.tflite.ends import with_ends
from edgeswap.tflite.flatbuffer import read
from edgeswap.tflite.state import keeps_state
from tests import tiny_tflite
from tests.tiny_tflite import Spec

LIBRARY = Path(ai_edge_litert.__file__).parent / "libLiteRt.so"
LABELS = ("null", "eins", "zwei", "drei", "vier", "fünf")
VECTORS = 3
MEAN_STD = "mean-std:0.45,0.40,0.35/0.28,0.26,0.25"


@dataclass(frozen=True)
class Bundle:
    """A folder with model.tflite, labels.txt, golden/ and the generated code."""

    folder: Path
    facts: AppFacts


def classifier(folder: Path) -> Path:
    """Six classes of a grayscale image of as many pixels as there are pixel values."""
    weights = np.random.default_rng(0).integers(-3, 4, (6, 256))
    return tiny_tflite.classifier(folder / "classifier.tflite", weights, (32, 8, 1), scale=1 / 255)


def adder(folder: Path) -> Path:
    """Two int8 inputs of unlike scales, one output without classes."""
    tensors = [
        Spec("left", (1, 4), "int8", 0.05, 3),
        Spec("right", (1, 4), "int8", 0.0125, -7),
        Spec("sum", (1, 4), "int8", 0.0625, 1),
    ]
    options = (schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
    code = schema.BuiltinOperator.ADD
    return tiny_tflite.write(folder / "adder.tflite", tensors, (code, 2, *options, (0, 1)), (0, 1), (2,))


def lookup(folder: Path) -> Path:
    """Whole numbers in: rows of a table of int8."""
    table = np.random.default_rng(0).integers(-128, 128, (7, 3))
    tensors = [
        Spec("table", (7, 3), "int8", 0.5, 0, table.astype(np.int8)),
        Spec("rows", (2,), "int32"),
        Spec("found", (2, 3), "int8", 0.5, 0),
    ]
    options = schema.GatherOptionsT()
    operator = (schema.BuiltinOperator.GATHER, 2, schema.BuiltinOptions.GatherOptions, options, (0, 1))
    return tiny_tflite.write(folder / "lookup.tflite", tensors, operator, (1,), (2,))


def colors(folder: Path, scale: float, zero_point: int, units: int = 4) -> Path:
    """Four classes of a color image, of whatever quantization calibration came to; or the logit of two."""
    weights = np.random.default_rng(1).integers(-3, 4, (units, 3 * 256))
    file = folder / "colors.tflite"
    return tiny_tflite.classifier(file, weights, (16, 16, 3), scale=scale, zero_point=zero_point)


def split(folder: Path) -> Path:
    """An image with an alpha channel in, its halves by channel out: two outputs."""
    tensors = [
        Spec("axis", (), "int32", values=np.array(3, np.int32)),
        Spec("image", (1, 2, 3, 4), "int8", 1.0, -128),
        Spec("first half", (1, 2, 3, 2), "int8", 1.0, -128),
        Spec('"second" $half \\(x)', (1, 2, 3, 2), "int8", 1.0, -128),
    ]
    options = schema.SplitOptionsT()
    options.numSplits = 2
    operator = (schema.BuiltinOperator.SPLIT, 1, schema.BuiltinOptions.SplitOptions, options, (0, 1))
    return tiny_tflite.write(folder / "split.tflite", tensors, operator, (1,), (2, 3))


def pointwise(folder: Path, code: int, shape: tuple[int, ...]) -> Path:
    """Probabilities: a softmax over the last axis, or a sigmoid of each value."""
    tensors = [Spec("x", shape, "int8", 0.05, 3), Spec("y", shape, "int8", 1 / 256, -128)]
    kinds = {
        schema.BuiltinOperator.SOFTMAX: (schema.BuiltinOptions.SoftmaxOptions, schema.SoftmaxOptionsT()),
        schema.BuiltinOperator.LOGISTIC: (schema.BuiltinOptions.NONE, None),
    }
    options_type, options = kinds[code]
    if options is not None:
        options.beta = 1.0
    operator = (code, 2, options_type, options, (0,))
    return tiny_tflite.write(folder / "pointwise.tflite", tensors, operator, (0,), (1,))


def remembering(folder: Path) -> Path:
    """A state that is kept from run to run: each golden vector is of a first run, after which others follow."""
    return tiny_tflite.remembering(folder / "remembering.tflite", 4)


def details(model: bytes) -> tuple[list[Any], list[Any]]:
    """The interpreter's own view of inputs and outputs."""
    interpreter = Interpreter(model_content=model)
    return interpreter.get_input_details(), interpreter.get_output_details()


def run(model: bytes, quantized: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs under this machine's ai-edge-litert."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    for detail, values in zip(interpreter.get_input_details(), quantized, strict=True):
        interpreter.set_tensor(detail["index"], values.reshape(detail["shape"]))
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def facts_of(
    model: bytes,
    *,
    preprocess: str | None = None,
    labels: Sequence[str] | None = None,
    holds: Holds = "values",
    threshold: float | None = None,
    resize: str = "bilinear",
    normalizations: Mapping[str, FeatureNormalization] = MappingProxyType({}),
    io: Io = "int8",
) -> AppFacts:
    """Facts of an int8 model with ends of `io`; with `preprocess` every input of four dimensions takes pixels."""
    higher = 128 if io == "uint8" else 0
    given, made = details(model)
    inputs = []
    for detail in given:
        scale, zero_point = detail["quantization"]
        shape = tuple(int(size) for size in detail["shape"])
        pixels = None
        if preprocess is not None and len(shape) == 4:
            how = {"channels": shape[3], "scale": scale, "zero_point": zero_point}
            pixels = pixel_steps(from_name(preprocess), **how, resize=resize)
            pixels = pixels and pixels.of_type(io, scale=scale, zero_point=zero_point)
        whole = np.dtype(detail["dtype"]) == np.int32
        given_as = ("int32", scale, zero_point) if whole else (io, scale, zero_point + higher)
        own = normalizations.get(detail["name"])
        inputs.append(InputFacts(detail["name"], shape, *given_as, pixels, own))
    outputs = []
    for detail in made:
        shape, (scale, zero_point) = tuple(int(size) for size in detail["shape"]), detail["quantization"]
        held = (holds, threshold, None, io)
        outputs.append(OutputFacts(detail["name"], shape, scale, zero_point + higher, *held))
    return AppFacts(
        model='tiny "*/ ${x} \\(y)\n\'\'\' """',
        model_sha256=hashlib.sha256(with_ends(model, io)).hexdigest(),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        classes=outputs[0].classes or (None if labels is None else len(labels)),
        labelled=labels is not None,
        golden_count=VECTORS,
        runtime="ai-edge-litert",
        runtime_version="2.3.0",
        tolerance_steps=1,
        keeps_state=keeps_state(read(model)),
    )


def quantize(given: InputFacts, sample: np.ndarray) -> np.ndarray:
    """The input as the model takes it, apart from the generated code."""
    if given.dtype == "int32":
        return sample
    if given.pixels is not None:
        return given.pixels.quantize(sample)
    limits = (0, 255) if given.dtype == "uint8" else (-128, 127)
    if given.normalization is not None:
        mean, deviation = np.array(given.normalization.mean), np.array(given.normalization.deviation)
        doubles = (sample.astype(np.float64) - mean) / deviation
        if given.dtype == "float32":
            return doubles.astype(np.float32)
        return np.clip(np.rint(doubles / given.scale + given.zero_point), *limits).astype(given.dtype)
    if given.dtype == "float32":
        return sample
    steps = np.rint(sample / np.float32(given.scale) + np.float32(given.zero_point))
    return np.clip(steps, *limits).astype(given.dtype)


def sample(given: InputFacts, generator: np.random.Generator, vector: int) -> np.ndarray:
    """What an app may hold: in the first vector every pixel value; real values beyond the range as well."""
    if given.form == "u8":
        channels = given.shape[3]
        every = np.arange(np.prod(given.shape)) // channels % 256
        random = generator.integers(0, 256, every.size)
        return (random if vector else every).reshape(given.shape).astype(np.uint8)
    if given.form == "i32":
        return generator.integers(0, 7, given.shape).astype(np.int32)
    real = generator.uniform(-150 * given.scale, 150 * given.scale, given.shape)
    if given.normalization is not None:
        real = real * np.array(given.normalization.deviation) + np.array(given.normalization.mean)
    return real.astype(np.float32)


def write_bundle(folder: Path, model: bytes, facts: AppFacts, labels: Sequence[str] | None = None) -> Bundle:
    """Everything that the app code reads, and the code itself."""
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(model)
    if labels is not None:
        (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    generator = np.random.default_rng(1)
    (folder / "golden").mkdir()
    for vector in range(facts.golden_count):
        samples = [sample(given, generator, vector) for given in facts.inputs]
        quantized = [quantize(given, x) for given, x in zip(facts.inputs, samples, strict=True)]
        outputs = run(model, quantized)
        files = golden_files(vector, facts.inputs, facts.outputs)
        for names, arrays in zip(files, (samples, quantized, outputs), strict=True):
            for name, array in zip(names, arrays, strict=True):
                (folder / name).write_bytes(array.tobytes())
    for name, content in generate(facts).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return Bundle(folder, facts)


# Features of sensors: a large offset, a tiny one, a size of a thousandth, and a Rescaling that turns the sign.
NORMALIZATION = FeatureNormalization((101325.0, 1e-05, -0.0019, 4063.25), (812.5, 3.0, 0.00098, -1016.75))
CROP = {"resize": RESIZE["crop"]}
KINDS: dict[str, tuple[Callable[[Path], Path], dict[str, Any]]] = {
    "classifier": (classifier, {"preprocess": "unit", "labels": LABELS, "holds": "logits"}),
    "symmetric": (lambda folder: colors(folder, 2 / 255, 0), {"preprocess": "symmetric", "holds": "probabilities"}),
    # Scales as calibration makes them: below and above a pixel's step, saturating at both ends.
    "caffe": (
        lambda folder: colors(folder, 0.83, 11, units=1),
        {"preprocess": "caffe", "holds": "logits", "threshold": 0.0},
    ),
    "mean_std": (
        lambda folder: colors(folder, 0.0187, -14),
        {"preprocess": MEAN_STD, "holds": "probabilities", "labels": tuple("abcd"), **CROP},
    ),
    "sigmoid": (
        lambda folder: pointwise(folder, schema.BuiltinOperator.LOGISTIC, (1, 1)),
        {"holds": "probabilities", "threshold": 0.5, "labels": ("cat", "dog")},
    ),
    "several": (
        lambda folder: pointwise(folder, schema.BuiltinOperator.LOGISTIC, (1, 6)),
        {"holds": "probabilities", "threshold": 0.5, "labels": LABELS},
    ),
    "map": (lambda folder: pointwise(folder, schema.BuiltinOperator.SOFTMAX, (1, 4, 5, 3)), {"holds": "class map"}),
    "mask": (
        lambda folder: pointwise(folder, schema.BuiltinOperator.LOGISTIC, (1, 4, 5, 1)),
        {"holds": "class map", "threshold": 0.5, "labels": ("ground", "road")},
    ),
    "adder": (adder, {}),
    "normalized": (adder, {"normalizations": {"left": NORMALIZATION}, "holds": "image"}),
    "lookup": (lookup, {"holds": "boxes as the model gives them", "labels": LABELS}),
    "split": (split, {"preprocess": "raw"}),
    "remembering": (remembering, {}),
}


# Models with other ends than int8 of which the code of compiled languages is built: each form of input and of output.
WITH_ENDS: dict[str, tuple[str, Io]] = {
    "map_uint8": ("map", "uint8"),
    "caffe_float32": ("caffe", "float32"),
    "map_float32": ("map", "float32"),
    "normalized_float32": ("normalized", "float32"),
}


def bundle(kind: str, folder: Path, io: Io = "int8") -> Bundle:
    """One of `KINDS` as a bundle, with ends of `io`; or one of `WITH_ENDS`."""
    kind, io = WITH_ENDS.get(kind, (kind, io))
    folder.mkdir(exist_ok=True)
    make, how = KINDS[kind]
    model = make(folder).read_bytes()
    facts = facts_of(model, **how, io=io)
    return write_bundle(folder / "bundle", with_ends(model, io), facts, how.get("labels"))


def module(folder: Path, file: str = "model.py") -> ModuleType:
    """The Python that was written into a bundle."""
    spec = importlib.util.spec_from_file_location("app", folder / "python" / file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def run_python(folder: Path, *files: object, file: str = "model.py") -> tuple[int, str]:
    """What its command line says and its exit code, in this process, which spares the start of another."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = module(folder, file).main([str(file) for file in files])
    return (code, said.getvalue()) if code == 0 else (1, f"{said.getvalue()}{code}\n")


def change(folder: Path, fault: str) -> None:
    """Plant one of `FAULTS` in a bundle."""
    {
        "model": lambda: flip(folder / "model.tflite", -1),
        "labels": lambda: shorten(folder / "labels.txt"),
        "pixel": lambda: flip(folder / "golden/1.input0.u8", 5),
        "quantized": lambda: flip(folder / "golden/1.quantized0.i8", 5),
        "output": lambda: flip(folder / "golden/2.output0.i8", 3, by=2),
        "within tolerance": lambda: flip(folder / "golden/2.output0.i8", 3, by=1),
        "short golden file": lambda: (folder / "golden/0.output0.i8").write_bytes(b""),
    }[fault]()


# What the self-tests say of each, wherever they run.
FAULTS = {
    "model": "failed at model: expected the SHA-256 ",
    "labels": "failed at labels: expected 6 names",
    "pixel": "failed at preprocessing: golden vector 1, input x: ",
    "quantized": "failed at preprocessing: golden vector 1, input x: ",
    "output": "failed at output: golden vector 2, output logits: off by 2 int8 steps",
    "within tolerance": "at most 1 int8 steps",
    "short golden file": "failed at golden vectors: ",
}


def flip(file: Path, position: int, by: int = 1) -> None:
    """Move one byte, as an int8 by `by` steps towards 0."""
    data = np.fromfile(file, np.int8)
    data[position] += by if data[position] < 0 else -by
    data.tofile(file)


def shorten(file: Path) -> None:
    """Take the last line away."""
    file.write_text("".join(file.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
