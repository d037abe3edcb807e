"""The child process of `edgeswap.conversion.convert`: `python -m edgeswap.conversion.worker`.

One request a line on standard input: a JSON list of folders. Each folder holds `saved_model`, `settings.json` and for
integers the samples of each input, `x0.npy`, …; `model.tflite` is written beside them. Events are JSON lines on
standard output, the last of a request `ended` with an exit code, or minus a signal; everything the converter prints
goes to standard error.

TensorFlow is imported once, before anything is asked, and each conversion runs in a fork, those of one request side by
side: a crash ends that request alone. Only Linux can fork a process that holds TensorFlow; elsewhere the process does
one request itself and ends.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from edgeswap.conversion.packing import packed
from edgeswap.forks import end_after
from edgeswap.system.child import IDLE_S, end_with_parent
from edgeswap.system.start import import_aloud

Report = Callable[..., None]
FORKS = sys.platform == "linux"
# Precision to the operators that the converter may use, and the type of inputs and outputs.
INTEGERS = {
    "int8": ("TFLITE_BUILTINS_INT8", "int8"),
    "int16x8": ("EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8", "int16"),
}


def main() -> None:
    """Answer requests until there is none for a while, or the process that asks is gone."""
    report = _claim_standard_output()
    tf = import_aloud("tensorflow", lambda: report(stage="import TensorFlow"))
    while select.select([0], [], [], IDLE_S)[0]:
        folders = json.loads(sys.stdin.buffer.readline() or b"null")
        if folders is None:
            return
        if not FORKS:
            _convert_all(tf, folders, report)
            return
        report(stage="ended", code=_side_by_side([partial(_convert_all, tf, [folder]) for folder in folders], report))


def _convert_all(tf: Any, folders: Sequence[str], report: Report) -> None:
    for folder in map(Path, folders):
        (folder / "model.tflite").write_bytes(_convert(tf, folder, report))
        report(stage="done")


def _side_by_side(works: Sequence[Callable[[Report], None]], report: Report) -> int:
    """Each work in a fork of its own, all at once; what they report comes in the order of the works.

    Returns:
        How the first that failed ended, which ends the others too: its exit code, or minus the number of the signal
        that ended it. 0 where none failed.
    """
    forks = [_fork(work) for work in works]
    code = 0
    for pid, events in forks:
        with os.fdopen(events) as lines:
            for line in lines if code == 0 else ():
                report(**json.loads(line))
        if code:
            os.kill(pid, signal.SIGKILL)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        code = code or ended
    return code


def _fork(work: Callable[[Report], None]) -> tuple[int, int]:
    """A fork that does the work: its number, and where its events can be read."""
    reads, writes = os.pipe()

    def child() -> None:
        end_with_parent()
        os.close(reads)
        with os.fdopen(writes, "w", buffering=1) as events:
            work(_reporting_to(events))

    pid = os.fork()
    if pid == 0:
        end_after(child)
    os.close(writes)
    return pid, reads


def _claim_standard_output() -> Report:
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return _reporting_to(events)


def _reporting_to(events: TextIO) -> Report:
    def report(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")

    return report


def _convert(tf: Any, folder: Path, report: Report) -> bytearray:
    from tensorflow.lite.tools import flatbuffer_utils  # noqa: PLC0415

    flatbuffer_utils.convert_object_to_bytearray = packed  # which the converter calls too
    settings = json.loads((folder / "settings.json").read_text())
    report(stage="load")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model"))
    precision = settings["precision"]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision not in INTEGERS:
        report(stage="convert")
    else:
        operators, dtype = INTEGERS[precision]
        samples = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("x*.npy")}
        report(stage="convert", samples=len(samples["x0"]))
        converter.representative_dataset = lambda: _one_by_one(samples, report)
        converter.target_spec.supported_ops = [getattr(tf.lite.OpsSet, operators)]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, dtype)
        per_channel = settings["per_channel_dense"]
        converter._experimental_disable_per_channel_quantization_for_dense_layers = not per_channel
    tflite_model = converter.convert()
    # Both hold the weights once more, and a large model has room for few copies.
    del converter
    shutil.rmtree(folder / "saved_model")
    model = flatbuffer_utils.convert_bytearray_to_object(tflite_model)
    return packed(_with_names(model, settings["inputs"], settings["outputs"]))


def _one_by_one(samples: Mapping[str, Any], report: Report) -> Iterator[dict[str, Any]]:
    for index in range(len(samples["x0"])):
        report(stage="calibrate")
        yield {name: np.asarray(array[index : index + 1]) for name, array in samples.items()}
    report(stage="quantize")


def _with_names(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """The `ModelT` with its inputs and outputs in the order and under the names they had in Keras.

    The converter orders and names them as it likes, but its signature tells which is x0, x1, … and y0, y1, … The model
    is then written as TensorFlow writes it and not by `edgeswap.tflite.flatbuffer.write`, which aligns weights to 16
    bytes and so gives other bytes and a larger file.
    """
    graph = model.subgraphs[0]
    (signature,) = model.signatureDefs
    for letter, names, entries in (("x", inputs, signature.inputs), ("y", outputs, signature.outputs)):
        by_key = {entry.name.decode(): entry for entry in entries}
        ordered = [by_key[f"{letter}{index}"] for index in range(len(names))]
        for name, entry in zip(names, ordered, strict=True):
            entry.name = name
            graph.tensors[entry.tensorIndex].name = name
        if letter == "x":
            signature.inputs = ordered
            graph.inputs = [entry.tensorIndex for entry in ordered]
        else:
            signature.outputs = ordered
            graph.outputs = [entry.tensorIndex for entry in ordered]
    return model


if __name__ == "__main__":
    main()
