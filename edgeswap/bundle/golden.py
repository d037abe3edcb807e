"""Golden vectors: real samples as an app holds them, as the model takes them, and what must come out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.bundle.apps.facts import SCORES, OutputFacts, elements, golden_files
from edgeswap.bundle.apps.pixels import LIMITS
from edgeswap.bundle.manifest import Golden, InputTensor, OutputTensor, Vector, input_facts, output_facts
from edgeswap.bundle.vectors import choose
from edgeswap.errors import DataError
from edgeswap.progress import Progress, Silent
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.measure import OUTPUTS, Target
from edgeswap.targets.raw_outputs import read_raw_outputs
from edgeswap.tflite.ends import UINT8_OFFSET
from edgeswap.tflite.interface import interface

# TFLite rounds after every operator, and each set of kernels rounds in its own way, so outputs part by a few steps; how
# many can be seen in a runtime's own two sets, the built-in one and XNNPACK. Some samples magnify them, such as a
# softmax near a tie, so vectors are chosen among those that do not. For vectors so chosen, in 300 draws of candidates
# for each of eight networks of 5 to 54 operators, tflite-runtime 2.14 was off from ai-edge-litert 2.3 by at most 2
# steps more than the two sets of 2.3 are from each other. One more is allowed.
MORE_STEPS = 3
# How near to halfway between two int8 a real value may lie: nearer, float32 and float64 may round it differently.
CLEAR_STEPS = 0.01

DTYPES = {"u8": "u1", "f32": "<f4", "i32": "<i4", "i8": "i1"}
Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Ran:
    """What a target made of quantized samples: for each output (samples, ...) of its own dtype."""

    runtime: str
    version: str
    architecture: str
    outputs: tuple[Array, ...]


def make_golden(
    tflite_model: bytes,
    inputs: Sequence[InputTensor],
    outputs: Sequence[OutputTensor],
    samples: Sequence[Array],
    *,
    target: Target,
) -> tuple[Golden, dict[str, bytes]]:
    """The golden vectors of a model, and their files.

    Args:
        tflite_model: as in the bundle.
        inputs: what is known of its inputs.
        outputs: what is known of its outputs.
        samples: an array (N, ...) for each input: uint8 pixels, real values that the float model takes, or int32.
        target: what runs it; its outputs become the golden ones.

    Raises:
        TargetError: the target failed.
    """
    held = [as_app_holds(tensor, array) for tensor, array in zip(inputs, samples, strict=True)]
    quantized = [quantize(tensor, array) for tensor, array in zip(inputs, held, strict=True)]
    with ThreadPoolExecutor(2) as side_by_side:  # each waits for a process
        ran, other = side_by_side.map(
            lambda delegate: run(target, tflite_model, inputs, quantized, delegate=delegate), ("xnnpack", "none")
        )
    facts = [input_facts(tensor) for tensor in inputs], [output_facts(tensor) for tensor in outputs]
    int8 = in_steps(outputs, ran.outputs)
    apart = steps_apart(int8, in_steps(outputs, other.outputs)).max(axis=0)
    chosen = choose(int8, apart, _decided(facts[1][0], ran.outputs[0]))
    files: dict[str, bytes] = {}
    vectors = []
    for number, sample in enumerate(chosen):
        names = golden_files(number, *facts)
        arrays = [array[sample] for array in (*held, *quantized, *ran.outputs)]
        paths = (*names.inputs, *names.quantized, *names.outputs)
        files |= {path: to_bytes(path, array) for path, array in zip(paths, arrays, strict=True)}
        vectors.append(Vector(inputs=list(names.inputs), quantized=list(names.quantized), outputs=list(names.outputs)))
    golden = Golden(
        runtime=ran.runtime,
        runtime_version=ran.version,
        delegate="xnnpack",
        architecture=ran.architecture,
        tolerance_steps=int(apart[chosen].max()) + MORE_STEPS,
        kernels_apart_steps=int(apart[chosen].max()),
        vectors=vectors,
    )
    return golden, files


def run(
    target: Target,
    tflite_model: bytes,
    inputs: Sequence[InputTensor],
    quantized: Sequence[Array],
    *,
    delegate: str | None = None,
    progress: Progress | None = None,
) -> Ran:
    """What `target` makes of quantized samples: an array (N, ...) for each input.

    Raises:
        TargetError: the target failed, or gave other outputs than it says.
    """
    names = ["x"] if len(inputs) == 1 else list(interface(tflite_model).inputs)
    arrays: dict[str, Any] = {
        name: _for_the_script(tensor, array) for name, tensor, array in zip(names, inputs, quantized, strict=True)
    }
    with scratch_folder() as folder:
        files = {"model.tflite": folder / "model.tflite", "golden.npz": folder / "golden.npz"}
        files["model.tflite"].write_bytes(tflite_model)
        np.savez(files["golden.npz"], **arrays)
        arguments = ["model.tflite", "--data", "golden.npz", "--preprocess", "none", "--outputs", OUTPUTS]
        arguments += ["--no-latency", "--no-load", "--workers", "1"]
        arguments += ["--delegate", delegate] if delegate else []
        brings = {OUTPUTS: folder / OUTPUTS}
        answer = target.run(files, arguments, progress=progress or Silent(), brings=brings)
        (raw,) = read_raw_outputs(brings[OUTPUTS], answer)
        outputs = tuple(np.array(output.array) for output in raw)
    return Ran(answer["runtime"]["name"], answer["runtime"]["version"], answer["machine"]["architecture"], outputs)


def as_app_holds(tensor: InputTensor, samples: Array) -> Array:
    """Samples in the form of the golden vectors' files: uint8 pixels, float32 or int32; of the input's shape.

    A real value so near to halfway between two int8 that rounding errors decide is moved by a hundredth of a step.

    Raises:
        DataError: they are not of the input's shape.
    """
    form = input_facts(tensor).form
    if list(samples.shape[1:]) != tensor.shape[1:]:
        raise DataError(
            f"Expected samples of shape {tuple(tensor.shape[1:])} for {tensor.name!r}, got {samples.shape[1:]}.",
            "Give samples of the shape that the model takes.",
        )
    if form == "u8":
        return samples if samples.dtype == np.uint8 else np.clip(np.rint(samples), 0, 255).astype(np.uint8)
    if form == "i32":
        return samples.astype(np.int32)
    if tensor.normalization is not None:  # every language computes in double precision, so that nothing is to decide
        return samples.astype(np.float32)
    steps = samples.astype(np.float64) / tensor.scale
    past_half = np.mod(steps, 1) - 0.5
    moved = np.where(past_half < 0, -CLEAR_STEPS, CLEAR_STEPS)
    return (np.where(np.abs(past_half) < CLEAR_STEPS, steps + moved, steps) * tensor.scale).astype(np.float32)


def quantize(tensor: InputTensor, held: Array) -> Array:
    """What the app must make of samples as it holds them: the input's own dtype, or int32 as they are."""
    facts = input_facts(tensor)
    if facts.form == "i32":
        return held
    if facts.pixels is not None:
        return facts.pixels.quantize(held)
    real = held
    if facts.normalization is not None:
        mean, deviation = np.array(facts.normalization.mean), np.array(facts.normalization.deviation)
        real = (held.astype(np.float64) - mean) / deviation
    if tensor.dtype == "float32":
        return real.astype(np.float32)
    if facts.normalization is not None:
        steps = real / tensor.scale + tensor.zero_point
    else:
        steps = real / np.float32(tensor.scale) + np.float32(tensor.zero_point)
    return np.clip(np.rint(steps), *LIMITS[tensor.dtype]).astype(tensor.dtype)


def in_steps(tensors: Sequence[OutputTensor], outputs: Sequence[Array]) -> tuple[npt.NDArray[np.int8], ...]:
    """Outputs as the int8 that the model computed: of uint8 ones 128 less, of float32 ones the nearest step."""
    return tuple(_in_steps(tensor, array) for tensor, array in zip(tensors, outputs, strict=True))


def _in_steps(tensor: OutputTensor, array: Array) -> npt.NDArray[np.int8]:
    if tensor.dtype == "uint8":
        return (array.astype(np.int16) - UINT8_OFFSET).astype(np.int8)
    if tensor.dtype == "float32":
        return np.clip(np.rint(array / np.float32(tensor.scale) + tensor.zero_point), -128, 127).astype(np.int8)
    return array.astype(np.int8)


def steps_apart(one: Sequence[Array], other: Sequence[Array]) -> npt.NDArray[np.int16]:
    """By how many int8 steps each output of each sample differs at most, (outputs, N).

    Args:
        one: int8 (N, ...) for each output.
        other: of the same shapes.
    """
    return np.array([_steps(first, second) for first, second in zip(one, other, strict=True)], np.int16)


def _steps(one: Array, other: Array) -> list[int]:
    """Sample by sample, which keeps memory small."""
    pairs = zip(one, other, strict=True)
    return [int(np.abs(first.astype(np.int16) - second).max(initial=0)) for first, second in pairs]


def to_bytes(path: str, array: Array) -> bytes:
    """The content of a golden file: raw values of the type that its name ends in."""
    return np.ascontiguousarray(array).astype(DTYPES[path.rpartition(".")[2]]).tobytes()


def from_bytes(path: str, data: bytes, shape: Sequence[int]) -> Array | None:
    """What a golden file holds, in `shape`; None where it has another size."""
    dtype = np.dtype(DTYPES[path.rpartition(".")[2]])
    if len(data) != dtype.itemsize * elements(shape):
        return None
    return np.frombuffer(data, dtype).reshape(shape)


def _decided(output: OutputFacts, given: Array) -> Array | None:
    """The class of each sample, (N,), by an output of scores; None for another."""
    if output.holds not in SCORES:
        return None
    real = given.astype(np.float32)
    if output.dtype != "float32":
        real = (real - output.zero_point) * np.float32(output.scale)
    second_above = None if output.each_by_itself else output.threshold
    decided: Array = real.argmax(axis=1) if second_above is None else real[:, 0] > second_above
    return decided


def _for_the_script(tensor: InputTensor, quantized: Array) -> Array:
    """Quantized samples as the device script takes them: real values that it quantizes to the very same numbers."""
    if tensor.dtype in ("int32", "float32"):
        return quantized
    steps = quantized.astype(np.float32) - np.float32(tensor.zero_point)
    return np.asarray(steps * np.float32(tensor.scale), np.float32)
