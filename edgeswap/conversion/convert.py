"""tf_keras models to .tflite, in a process of its own: the converter may fail, crash, hang or be killed for memory."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.conversion.bisect import bisect
from edgeswap.conversion.failure import STAGES_OF_A_MODEL, explain
from edgeswap.conversion.process import WorkerFailedError, run_worker
from edgeswap.errors import ConversionError
from edgeswap.frameworks import tf
from edgeswap.progress import Progress, Silent
from edgeswap.quantization.quantizers import rounded_weights
from edgeswap.system.memory import give_back
from edgeswap.system.room import LARGE_BYTES
from edgeswap.system.scratch import scratch_folder
from edgeswap.tflite.one_scale import with_one_scale

Precision = Literal["float32", "float16", "dynamic_range", "int16x8", "int8"]

SEARCH_S = 300.0
TRIAL_S = 60.0

_SILENT = Silent()


@dataclass(frozen=True, eq=False)
class Conversion:
    """What to convert, and how.

    Attributes:
        model: a functional tf_keras model; for int8 the fake-quant model from `edgeswap.quantization.qat.quantize`.
        precision: `float32` as it is; `float16` weights, all else float32; `dynamic_range` weights of int8, all else
            float32 between operators; `int16x8` int16 in, between and out with
            weights of int8; `int8` full-integer, int8 in and out.
        representative: for the integer precisions, one array for each model input, shape (N, ...), float32,
            preprocessed. The ranges of fake-quants hold; the samples settle what carries none, so that one is enough
            where nothing was left to calibration.
        per_channel_dense: allow weights of FULLY_CONNECTED one scale for each unit, see `placement.place`.
        per_channel: likewise of every other weight one for each channel; of int8 alone.
    """

    model: Any
    precision: Precision
    representative: Sequence[npt.NDArray[np.float32]] | None = None
    per_channel_dense: bool = False
    per_channel: bool = True


def convert(
    model: Any,
    *,
    precision: Precision = "int8",
    representative: Sequence[npt.NDArray[np.float32]] | None = None,
    per_channel_dense: bool = False,
    per_channel: bool = True,
    timeout_s: float = 1800.0,
    progress: Progress = _SILENT,
) -> bytes:
    """The .tflite of one model; arguments as in `Conversion`, errors as in `convert_all`."""
    conversion = Conversion(model, precision, representative, per_channel_dense, per_channel)
    (tflite_model,) = convert_all([conversion], timeout_s=timeout_s, progress=progress)
    return tflite_model


def convert_all(
    conversions: Sequence[Conversion], *, timeout_s: float = 1800.0, progress: Progress = _SILENT
) -> tuple[bytes, ...]:
    """Convert in one child process, which imports TensorFlow once, side by side; large models one after the other.

    Memory and temporary files then never hold more than one of them.

    The batch is fixed to 1: a free one leaves chains of SHAPE and PACK that cut the graph for accelerators. Inputs and
    outputs keep the order and the names they have in the model.

    Args:
        conversions: what to convert.
        timeout_s: longest time without a sign of progress before the child is killed.
        progress: told of each conversion and of each calibration sample.

    Returns:
        Flatbuffers in the order of `conversions`.

    Raises:
        ConversionError: a conversion to integers has no samples, an input has no fixed size, or the converter failed.
            The error then names the stage, the first layer that brings it about and what the converter said for itself;
            it is raised from one with the converter's words at length. No trial of the search for the layer begins
            later than `SEARCH_S` after the first, and none is silent for more than `TRIAL_S`.
    """
    large = sum(_weights_bytes(conversion.model) for conversion in conversions) > LARGE_BYTES
    if len(conversions) > 1 and large:
        return _one_by_one(conversions, timeout_s, progress)
    try:
        with scratch_folder() as folder:
            jobs = [folder / str(index) for index in range(len(conversions))]
            with progress.step("Hand over to the converter", len(jobs)) as step:
                for conversion, job in zip(conversions, jobs, strict=True):
                    _write_job(conversion, job)
                    step.advance(1)
            if large:
                give_back()  # what was traced refers to itself, and has the rounded weights
            titles = [f"Convert to {conversion.precision}" for conversion in conversions]
            run_worker(jobs, titles, timeout_s, progress)
            written = [(job / "model.tflite").read_bytes() for job in jobs]
            return tuple(
                data if conversion.per_channel else with_one_scale(data)
                for conversion, data in zip(conversions, written, strict=True)
            )
    except WorkerFailedError as failure:
        layers = _search(failure, conversions[failure.job], min(timeout_s, TRIAL_S), progress)
        raise explain(failure, layers) from failure


def _one_by_one(conversions: Sequence[Conversion], timeout_s: float, progress: Progress) -> tuple[bytes, ...]:
    """Each in a request of its own. What is done waits in a file, float32 comes last: its file is the largest."""
    with scratch_folder() as folder:
        files = [folder / str(index) for index in range(len(conversions))]
        for conversion, file in sorted(
            zip(conversions, files, strict=True), key=lambda both: both[0].precision == "float32"
        ):
            (tflite_model,) = convert_all([conversion], timeout_s=timeout_s, progress=progress)
            file.write_bytes(tflite_model)
            del tflite_model
        return tuple(file.read_bytes() for file in files)


def _weights_bytes(model: Any) -> int:
    return sum(math.prod(variable.shape) * variable.dtype.size for variable in model.variables)


def _write_job(conversion: Conversion, job: Path) -> None:
    """Hand over by SavedModel: a function of static shapes whose arguments are x0, x1, … and results y0, y1, …"""
    model = conversion.model
    calibrates = conversion.precision in ("int8", "int16x8")
    if calibrates and (not conversion.representative or not len(conversion.representative[0])):
        raise ConversionError(
            f"Expected representative samples for an {conversion.precision} conversion, got none.",
            "Give at least one sample.",
        )
    specs = []
    for index, tensor in enumerate(model.inputs):
        shape = tuple(tensor.shape[1:])
        if None in shape:
            raise ConversionError(
                f"Expected input {tensor.name!r} to have a fixed size, got {shape}.",
                "Build the model with the size it will have on the device.",
            )
        specs.append(tf.TensorSpec((1, *shape), tensor.dtype, name=f"x{index}"))

    def serve(*inputs: Any) -> dict[str, Any]:
        outputs = model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return {f"y{index}": output for index, output in enumerate(outputs)}

    with rounded_weights(model) as variables:
        # Tracked by themselves: saving the model would trace every layer again.
        module = tf.Module()
        module.tracked = variables
        function = tf.function(serve, input_signature=specs, autograph=False).get_concrete_function()
        tf.saved_model.save(module, str(job / "saved_model"), signatures=function)
    if conversion.representative:
        for index, array in enumerate(conversion.representative):
            np.save(job / f"x{index}.npy", array)
    settings = {
        "precision": conversion.precision,
        "per_channel_dense": conversion.per_channel_dense,
        "inputs": list(model.input_names),
        "outputs": list(model.output_names),
    }
    (job / "settings.json").write_text(json.dumps(settings))


def _search(failure: WorkerFailedError, conversion: Conversion, quiet_s: float, progress: Progress) -> tuple[Any, ...]:
    """Bisect the model by converting parts of it, each in a child of its own and with one sample."""
    if failure.stage not in STAGES_OF_A_MODEL:
        return ()
    started = time.monotonic()

    def fails(model: Any) -> bool | None:
        """Whether `model` ends the converter in the same stage and way."""
        if time.monotonic() - started > SEARCH_S:
            return None
        part = replace(conversion, model=model, representative=_one_sample(conversion, model.input_names))
        try:
            with scratch_folder() as folder:
                _write_job(part, folder / "0")
                run_worker([folder / "0"], ["Convert a part of it"], quiet_s, _SILENT)
        except WorkerFailedError as other:
            step.advance(1)
            if other.way is None and failure.way is not None:
                return None  # too slow to tell
            return (other.stage, other.way) == (failure.stage, failure.way)
        step.advance(1)
        return False

    trials = math.ceil(math.log2(max(len(conversion.model.layers), 2))) + 1
    with progress.step("Find the layer that the converter fails on", trials) as step:
        return bisect(conversion.model, fails)


def _one_sample(conversion: Conversion, names: Sequence[str]) -> list[npt.NDArray[np.float32]] | None:
    """The first sample of the inputs of these names."""
    if conversion.representative is None:
        return None
    by_name = dict(zip(conversion.model.input_names, conversion.representative, strict=True))
    return [by_name[name][:1] for name in names]
