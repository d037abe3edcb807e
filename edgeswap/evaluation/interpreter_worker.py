"""The child process of `edgeswap.evaluation.inner_tensors`: `python -m edgeswap.evaluation.interpreter_worker FOLDER`.

The folder holds `model.tflite` and `wanted.json`, a list of tensors by their indices. The child runs the model on the
samples in `inputs.npz` and writes these tensors to `values.npz`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def main(folder: Path) -> None:
    """Run the model."""
    # The delegate keeps what is inside of it to itself, so the plain kernels run.
    interpreter = Interpreter(
        model_path=str(folder / "model.tflite"),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    wanted = json.loads((folder / "wanted.json").read_text())
    with np.load(folder / "inputs.npz") as archive:
        inputs = dict(archive)
    found: dict[int, list[npt.NDArray[np.int8]]] = {index: [] for index in wanted}
    for sample in range(len(next(iter(inputs.values())))):
        interpreter.reset_all_variables()  # what a recurrent layer remembers of the sample before
        for detail in interpreter.get_input_details():
            array = next(iter(inputs.values())) if len(inputs) == 1 else inputs[detail["name"]]
            interpreter.set_tensor(detail["index"], _quantized(array[sample : sample + 1], detail))
        interpreter.invoke()
        for index, values in found.items():
            values.append(interpreter.get_tensor(index)[0])
    arrays: dict[str, Any] = {str(index): np.stack(values) for index, values in found.items()}
    np.savez(folder / "values.npz", **arrays)


def _quantized(array: npt.NDArray[np.float32], detail: dict[str, Any]) -> npt.NDArray[np.int8]:
    scale, zero_point = detail["quantization"]
    steps = np.round(array / np.float32(scale)) + np.float32(zero_point)
    return np.clip(steps, -128, 127).astype(np.int8)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
