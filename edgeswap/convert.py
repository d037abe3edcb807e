"""tf_keras models to .tflite, in a process of its own: the converter may fail, crash, hang or be killed for memory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.errors import ConversionError
from edgeswap.frameworks import tf
from edgeswap.progress import Progress, Silent, Step
from edgeswap.scratch import scratch_folder

Precision = Literal["float32", "int8"]

WORKER = (sys.executable, "-m", "edgeswap.convert_worker")

_SILENT = Silent()


@dataclass(frozen=True, eq=False)
class Conversion:
    """What to convert, and how.

    Attributes:
        model: a functional tf_keras model; for int8 the fake-quant model from `edgeswap.quantization.qat.quantize`.
        precision: `float32` as it is; `int8` full-integer, int8 in and out.
        representative: for int8, one array for each model input, shape (N, ...), float32, preprocessed. The ranges of
            fake-quants hold; the samples settle what carries none, so that one is enough where nothing was left to
            calibration.
        per_channel_dense: allow weights of FULLY_CONNECTED one scale for each unit, see `placement.place`.
    """

    model: Any
    precision: Precision
    representative: Sequence[npt.NDArray[np.float32]] | None = None
    per_channel_dense: bool = False


def convert(
    model: Any,
    *,
    precision: Precision = "int8",
    representative: Sequence[npt.NDArray[np.float32]] | None = None,
    per_channel_dense: bool = False,
    timeout_s: float = 1800.0,
    progress: Progress = _SILENT,
) -> bytes:
    """The .tflite of one model; arguments as in `Conversion`, errors as in `convert_all`."""
    conversion = Conversion(model, precision, representative, per_channel_dense)
    (tflite_model,) = convert_all([conversion], timeout_s=timeout_s, progress=progress)
    return tflite_model


def convert_all(
    conversions: Sequence[Conversion], *, timeout_s: float = 1800.0, progress: Progress = _SILENT
) -> tuple[bytes, ...]:
    """Convert in one child process, which imports TensorFlow once.

    The batch is fixed to 1: a free one leaves chains of SHAPE and PACK that cut the graph for accelerators. Inputs and
    outputs keep the order and the names they have in the model.

    Args:
        conversions: done one after the other.
        timeout_s: longest time without a sign of progress before the child is killed.
        progress: told of each conversion and of each calibration sample.

    Returns:
        Flatbuffers in the order of `conversions`.

    Raises:
        ConversionError: an int8 conversion has no samples, an input has no fixed size, or the converter failed; the
            error then names the stage and shows the converter's own words.
    """
    with scratch_folder() as folder:
        jobs = [folder / str(index) for index in range(len(conversions))]
        with progress.step("Hand over to the converter", len(jobs)) as step:
            for conversion, job in zip(conversions, jobs, strict=True):
                _write_job(conversion, job)
                step.advance(1)
        _run_worker(jobs, [conversion.precision for conversion in conversions], timeout_s, progress)
        return tuple((job / "model.tflite").read_bytes() for job in jobs)


def _write_job(conversion: Conversion, job: Path) -> None:
    """Hand over by SavedModel: a function of static shapes whose arguments are x0, x1, … and results y0, y1, …"""
    model = conversion.model
    if conversion.precision == "int8" and (not conversion.representative or not len(conversion.representative[0])):
        raise ConversionError(
            "Expected representative samples for an int8 conversion, got none.", "Give at least one sample."
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

    # Tracked by themselves: saving the model would trace every layer again.
    module = tf.Module()
    module.tracked = list(model.variables)
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


def _run_worker(jobs: Sequence[Path], precisions: Sequence[str], timeout_s: float, progress: Progress) -> None:
    command = [*WORKER, *map(str, jobs)]
    stderr_path = jobs[0].parent / "stderr.txt"
    with stderr_path.open("wb") as stderr, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as worker:
        watchdog = _Watchdog(worker, timeout_s)
        stage = "start"
        try:
            assert worker.stdout is not None
            for precision in precisions:
                with progress.step(f"Convert to {precision}", total=1.0) as step:
                    stage = _follow(worker.stdout, stage, watchdog, step)
            worker.wait()
        finally:
            watchdog.stop()
            worker.kill()
        words = _last_words(stderr_path)
    if worker.returncode != 0:
        raise ConversionError(
            f"Expected a .tflite, but in stage {stage!r} the converter {_end(worker.returncode, watchdog)}; its last "
            f"words:\n{words}",
            "Look for a layer that TFLite cannot convert; with --debug the traceback is shown.",
        )


# Parts of the time that a small model takes; what follows the last of them is not known and left out.
_SHARES = {"import": 0.6, "load": 0.1, "calibrate": 0.2}


def _follow(events: IO[bytes], stage: str, watchdog: _Watchdog, step: Step) -> str:
    """Pass the worker's events on until a job is done or the worker has ended; the stage it was in last."""
    samples = 1
    for line in events:
        watchdog.reset()
        event = json.loads(line)
        samples = event.get("samples", samples)
        match event["stage"]:
            case "done":
                return "start"
            case "import TensorFlow":
                step.advance(_SHARES["import"] * event["share"])
            case "load":
                step.advance(_SHARES["load"])
            case "calibrate":
                step.advance(_SHARES["calibrate"] / samples)
        stage = event["stage"]
    return stage


class _Watchdog:
    """Kills a process that has given no sign of progress for a while."""

    def __init__(self, process: subprocess.Popen[bytes], timeout_s: float) -> None:
        self.process = process
        self.timeout_s = timeout_s
        self.fired = False
        self._timer = self._start()

    def reset(self) -> None:
        self._timer.cancel()
        self._timer = self._start()

    def stop(self) -> None:
        self._timer.cancel()

    def _start(self) -> threading.Timer:
        timer = threading.Timer(self.timeout_s, self._fire)
        timer.daemon = True
        timer.start()
        return timer

    def _fire(self) -> None:
        self.fired = True
        self.process.kill()


def _end(returncode: int, watchdog: _Watchdog) -> str:
    if watchdog.fired:
        return f"gave no sign of progress for {watchdog.timeout_s:g} s and was stopped"
    if returncode == -signal.SIGKILL:
        return "was killed from outside (SIGKILL), most likely because memory ran out"
    if returncode < 0:
        return f"crashed ({signal.Signals(-returncode).name})"
    return f"failed (exit code {returncode})"


def _last_words(path: Path, lines: int = 12, columns: int = 300) -> str:
    text = path.read_text(errors="replace")
    found = [line.rstrip() for line in text.splitlines() if line.strip() and not _is_noise(line)]
    return "\n".join(line[:columns] for line in found[-lines:]) or "(it said nothing)"


def _is_noise(line: str) -> bool:
    return line.startswith(("WARNING: All log messages before absl", "I0000", "W0000"))
