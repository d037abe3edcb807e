"""Tiny real .tflite files, written through the flatbuffer schema: no TensorFlow, so tests of runtimes start at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
}


@dataclass(frozen=True)
class Spec:
    """A tensor; `values` makes it constant, `scale` quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: float = 0.0
    zero_point: int = 0
    values: Any = None


def write(path: Path, tensors: Sequence[Spec], operator: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Path:
    """A model of one operator: `operator` is (code, version, options type, options, input tensors)."""
    model = schema.ModelT()
    model.version = 3
    model.description = "tiny"
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(spec, model) for spec in tensors]
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    code, version, options_type, options, operands = operator
    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode = operator_code.deprecatedBuiltinCode = code
    operator_code.version = version
    model.operatorCodes = [operator_code]
    node = schema.OperatorT()
    node.opcodeIndex = 0
    node.inputs, node.outputs = list(operands), list(outputs)
    node.builtinOptionsType, node.builtinOptions = options_type, options
    graph.operators = [node]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def classifier(
    path: Path, weights: np.ndarray[Any, Any], shape: tuple[int, ...], *, scale: float = 0.0, zero_point: int = -128
) -> Path:
    """logits = weights @ flat(x): float32, or int8 where the input has a scale. `weights` is (classes, features).

    The int8 one holds integer weights exactly (scale 1) and its output has steps of 64 input steps.
    """
    classes, features = weights.shape
    if scale:
        tensors = [
            Spec("x", (1, *shape), "int8", scale, zero_point),
            Spec("weights", (classes, features), "int8", 1.0, 0, weights.astype(np.int8)),
            Spec("logits", (1, classes), "int8", 64 * scale, 0),
        ]
    else:
        tensors = [
            Spec("x", (1, *shape)),
            Spec("weights", (classes, features), values=weights.astype(np.float32)),
            Spec("logits", (1, classes)),
        ]
    code = schema.BuiltinOperator.FULLY_CONNECTED
    options = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    return write(path, tensors, (code, 4 if scale else 1, *options, (0, 1, -1)), (0,), (2,))


def adder(path: Path, classes: int) -> Path:
    """logits = left + right: a float32 model of two inputs."""
    tensors = [Spec("left", (1, classes)), Spec("right", (1, classes)), Spec("logits", (1, classes))]
    options = (schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
    return write(path, tensors, (schema.BuiltinOperator.ADD, 1, *options, (0, 1)), (0, 1), (2,))


def _tensor(spec: Spec, model: Any) -> Any:
    tensor = schema.TensorT()
    tensor.name = spec.name
    tensor.shape = list(spec.shape)
    tensor.type = TYPES[spec.dtype]
    tensor.buffer = 0
    if spec.values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(spec.values).tobytes(), np.uint8)
        tensor.buffer = len(model.buffers)
        model.buffers.append(buffer)
    if spec.scale:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [spec.scale]
        tensor.quantization.zeroPoint = [spec.zero_point]
    return tensor
