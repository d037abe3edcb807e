"""TensorFlow Lite for Microcontrollers behind the interface of TFLite's interpreter, for the device script.

Its own interpreter (PyPI `tflite-micro`) takes and gives tensors by number and tells nothing else of a model. What the
script asks beside that is read off the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tflite_micro.python.tflite_micro import runtime

from edgeswap.tflite.flatbuffer import indices, operator_name, read, tensors
from edgeswap.tflite.interface import signature_names

ROOM_BYTES = 64 << 20  # for tensors; a real arena is set to what it needs, which `edgeswap.targets.micro.memory` tells
_DTYPES = {
    "INT8": np.int8, "UINT8": np.uint8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "BOOL": np.bool_,
    "FLOAT32": np.float32, "FLOAT16": np.float16, "FLOAT64": np.float64, "UINT32": np.uint32, "UINT64": np.uint64,
}  # fmt: skip


class OpResolverType:
    """There is one: no delegate runs on a microcontroller."""

    BUILTIN_WITHOUT_DEFAULT_DELEGATES = None


class Interpreter:
    """What the device script asks of an interpreter; each method gives what TFLite's own of that name gives."""

    def __init__(self, model_path: str, **_options: object) -> None:
        self._content = Path(model_path).read_bytes()
        self._model = read(self._content)
        graph = self._model.subgraphs[0]
        self._inputs, self._outputs = indices(graph.inputs), indices(graph.outputs)
        self._interpreter: Any = None

    def allocate_tensors(self) -> None:
        """Place all tensors; a missing operator or kernel is an error here."""
        self._interpreter = runtime.Interpreter.from_bytes(
            self._content, arena_size=ROOM_BYTES + 16 * len(self._content)
        )

    def set_tensor(self, index: int, values: npt.NDArray[Any]) -> None:
        """Give an input, by its index among the file's tensors."""
        self._interpreter.set_input(values, self._inputs.index(index))

    def invoke(self) -> None:
        """Run once."""
        self._interpreter.invoke()

    def get_tensor(self, index: int) -> npt.NDArray[Any]:
        """An output, by its index among the file's tensors."""
        return np.asarray(self._interpreter.get_output(self._outputs.index(index)))

    def reset_all_variables(self) -> None:
        """As before the first run."""
        self._interpreter.reset()

    def print_allocations(self) -> None:
        """Write what the recording allocator took to stderr; TFLite's own has no such method."""
        self._interpreter.print_allocations()

    def get_input_details(self) -> list[dict[str, Any]]:
        """Of the inputs, in order."""
        return self._details(self._inputs)

    def get_output_details(self) -> list[dict[str, Any]]:
        """Of the outputs, in order."""
        return self._details(self._outputs)

    def get_tensor_details(self) -> list[dict[str, Any]]:
        """Of all tensors of the first subgraph."""
        return self._details(range(len(self._model.subgraphs[0].tensors)))

    def get_signature_list(self) -> dict[str, Any]:
        """The first signature, whatever it is called; empty where the file names none."""
        return {"serving_default": None} if signature_names(self._model, "outputs") else {}

    def get_signature_runner(self, _key: str) -> _Signature:
        """What names its inputs and outputs."""
        return _Signature(self._model)

    def _get_ops_details(self) -> list[dict[str, Any]]:
        return [
            {
                "index": number,
                "op_name": operator_name(self._model.operatorCodes[operator.opcodeIndex]),
                "inputs": [index for index in indices(operator.inputs) if index >= 0],
                "outputs": indices(operator.outputs),
            }
            for number, operator in enumerate(self._model.subgraphs[0].operators)
        ]

    def _details(self, wanted: Any) -> list[dict[str, Any]]:
        known = tensors(self._model)
        return [
            {
                "index": index,
                "name": known[index].name,
                "shape": known[index].shape,
                "dtype": _DTYPES.get(known[index].dtype, np.object_),
                "quantization": (
                    (known[index].scales[0], known[index].zero_points[0]) if len(known[index].scales) == 1 else (0.0, 0)
                ),
            }
            for index in wanted
        ]


class _Signature:
    def __init__(self, model: Any) -> None:
        self._model = model

    def get_input_details(self) -> dict[str, dict[str, int]]:
        return {name: {"index": index} for index, name in signature_names(self._model, "inputs").items()}

    def get_output_details(self) -> dict[str, dict[str, int]]:
        return {name: {"index": index} for index, name in signature_names(self._model, "outputs").items()}
