"""The tensors inside of a full-integer `.tflite`, in a process of its own: an interpreter may crash or hang."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeswap.errors import VerificationError
from edgeswap.system.child import child_command
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.program import run_program
from edgeswap.tflite.flatbuffer import read, tensors

WORKER = child_command("edgeswap.evaluation.interpreter_worker")
TIMEOUT_S = 600.0


@dataclass(frozen=True)
class InnerTensor:
    """A tensor as the interpreter describes it; `scales` and `zero_points` have one entry, or one a channel."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]


def describe(tflite_model: bytes) -> list[InnerTensor]:
    """All tensors of a model's first graph, in the order of the file, which is the interpreter's."""
    return [
        InnerTensor(index, one.name, one.shape, one.dtype.lower(), one.scales, one.zero_points)
        for index, one in enumerate(tensors(read(tflite_model)))
    ]


def values(
    tflite_model: bytes, inputs: Mapping[str, npt.NDArray[np.float32]], wanted: Sequence[InnerTensor]
) -> Iterator[npt.NDArray[np.float64]]:
    """What is in tensors of int8 with one scale when the model is given samples, as real numbers.

    Args:
        tflite_model: int8 in; the batch is 1.
        inputs: input name to real values (n, ...). The name of a single input does not matter.
        wanted: which tensors, from `describe`.

    Yields:
        An array (n, ...) for each of them, which are many and large.

    Raises:
        VerificationError: the interpreter failed, crashed or hung.
    """
    with scratch_folder() as folder:
        (folder / "model.tflite").write_bytes(tflite_model)
        (folder / "wanted.json").write_text(json.dumps([tensor.index for tensor in wanted]))
        np.savez(folder / "inputs.npz", **inputs)  # type: ignore[arg-type]
        _run(folder)
        with np.load(folder / "values.npz") as archive:
            for tensor in wanted:
                steps = archive[str(tensor.index)].astype(np.float64)
                yield (steps - tensor.zero_points[0]) * tensor.scales[0]


def _run(folder: Path) -> None:
    ended = run_program([*WORKER, str(folder)], timeout_s=TIMEOUT_S)
    if ended.code == 0:
        return
    if ended.is_late:
        how = f"did not end within {TIMEOUT_S:g} s"
    elif ended.code < 0:
        how = f"was ended by {signal.Signals(-ended.code).name}"
    else:
        how = f"ended with exit code {ended.code}"
    words = ended.said.strip().splitlines()
    raise VerificationError(
        f"Expected to look into the int8 model with the interpreter, whose process {how}.",
        f"Its last words: {words[-1]}" if words else "It said nothing.",
    )
