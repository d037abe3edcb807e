"""What a `.tflite` shows beside the float one: the same figures for every tool, from its raw outputs on the host."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from edgeswap.statistics import paired_difference_interval, wilson_interval
from edgeswap.tasks.fidelity import Fidelity
from edgeswap.tflite.full_integer import verify

BLOCKS = 10  # of timed runs, the two models by turns
BLOCK_SECONDS = 0.2

Floats = npt.NDArray[np.float32]


class Figures(NamedTuple):
    """What was measured of one file. Shares are in percent, differences in points.

    Attributes:
        top1: share of the test samples that it has right, and both ends of its 95 % interval (Wilson).
        drop: how much of it is lost against float, positive is worse, and both ends of the paired 95 % interval
            (Tango).
        agreement: share of the test samples that get the float model's class.
        snr_db: of the output against float; None where they are equal.
        float_tensors: in the file.
        full_integer: int8 in, int8 out and no float tensor.
        size_bytes: of the file.
        samples: that were tested.
    """

    top1: tuple[float, float, float]
    drop: tuple[float, float, float]
    agreement: float
    snr_db: float | None
    float_tensors: int
    full_integer: bool
    size_bytes: int
    samples: int


def measured(tflite_model: bytes, wanted: Floats, test: Floats, labels: npt.NDArray[np.int64]) -> Figures:
    """The figures of a model.

    Args:
        tflite_model: one input, one output (N, classes).
        wanted: the float model's outputs.
        test: float32 (N, ...), as the float model takes it.
        labels: (N,) class numbers.
    """
    got = outputs(tflite_model, test)
    verdict, n = verify(tflite_model), len(labels)
    float_right, right = wanted.argmax(axis=1) == labels, got.argmax(axis=1) == labels
    lost, won = int(np.sum(float_right & ~right)), int(np.sum(right & ~float_right))
    low, high = wilson_interval(int(right.sum()), n)
    drop = ((lost - won) / n, *paired_difference_interval(lost, won, n))
    ratio = Fidelity.of(wanted, got, None).snr_db
    return Figures(
        top1=(100 * float(right.mean()), 100 * low, 100 * high),
        drop=(100 * drop[0], 100 * drop[1], 100 * drop[2]),
        agreement=100 * float(np.mean(wanted.argmax(axis=1) == got.argmax(axis=1))),
        snr_db=None if ratio is None else float(ratio),
        float_tensors=len(verdict.float_tensors),
        full_integer=verdict.is_full_integer,
        size_bytes=len(tflite_model),
        samples=n,
    )


def outputs(tflite_model: bytes, test: Floats) -> Floats:
    """What a model gives, in real values: float32 (N, ...). Integer ends are quantized and dequantized by their scales.

    Raises:
        RuntimeError: the runtime refuses the model.
    """
    interpreter, taken, given = _ready(tflite_model)
    found = []
    for sample in _as_taken(test, taken):
        interpreter.set_tensor(taken["index"], sample[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(given["index"])[0])
    raw = np.stack(found)
    if raw.dtype == np.float32:
        return raw
    scale, zero_point = given["quantization"]
    return np.asarray((raw.astype(np.float32) - zero_point) * scale, np.float32)


def speedup(float_model: bytes, tflite_model: bytes, sample: Floats) -> float:
    """The float model's median latency by the other's, both on one thread of this machine, in blocks by turns."""
    ready = [_ready(float_model), _ready(tflite_model)]
    for interpreter, taken, _ in ready:
        interpreter.set_tensor(taken["index"], _as_taken(sample[None], taken))
        interpreter.invoke()
    times: list[list[float]] = [[], []]
    for _ in range(BLOCKS):
        for (interpreter, *_), found in zip(ready, times, strict=True):
            end = time.perf_counter() + BLOCK_SECONDS
            while time.perf_counter() < end:
                start = time.perf_counter()
                interpreter.invoke()
                found.append(time.perf_counter() - start)
    return float(np.median(times[0]) / np.median(times[1]))


def _ready(tflite_model: bytes) -> tuple[Interpreter, dict[str, Any], dict[str, Any]]:
    interpreter = Interpreter(model_content=tflite_model, num_threads=1)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    return interpreter, taken, given


def _as_taken(test: Floats, taken: dict[str, Any]) -> npt.NDArray[Any]:
    if taken["dtype"] == np.float32:
        return test.astype(np.float32)
    scale, zero_point = taken["quantization"]
    limits = np.iinfo(taken["dtype"])
    return np.asarray(np.clip(np.rint(test / scale) + zero_point, limits.min, limits.max).astype(taken["dtype"]))
