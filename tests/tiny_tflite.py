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
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "resource": schema.TensorType.RESOURCE,
}


@dataclass(frozen=True)
class Spec:
    """A tensor; `values` makes it constant, `scale` quantized, `variable` a state that is kept from run to run."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: float = 0.0
    zero_point: int = 0
    values: Any = None
    variable: bool = False


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
    graph.operators = [_node(0, operands, outputs, options_type, options)]
    model.subgraphs = [graph]
    return _packed(model, path)


def _node(
    code: int, operands: Sequence[int], outputs: Sequence[int], options_type: int = 0, options: Any = None
) -> Any:
    node = schema.OperatorT()
    node.opcodeIndex = code
    node.inputs, node.outputs = list(operands), list(outputs)
    node.builtinOptionsType, node.builtinOptions = options_type, options
    return node


def _packed(model: Any, path: Path) -> Path:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def remembering(path: Path, classes: int) -> Path:
    """int8, logits = relu(x + 2 * what x was one run before): a state in a tensor of its own."""
    tensors = [
        Spec("x", (1, classes), "int8", 1.0, 0),
        Spec("features", (2 * classes, classes), "int8", 1.0, 0, np.eye(classes, dtype=np.int8).repeat(2, axis=0)),
        Spec("times", (2 * classes, 2), "int16", 1.0, 0, np.tile(np.array([[2, 1], [0, 0]], np.int16), (classes, 1))),
        Spec("bias", (classes,), "int32", 1.0, 0, np.zeros(classes, np.int32)),
        Spec("state", (1, 4 * classes), "int16", 1.0, 0, variable=True),
        Spec("logits", (1, classes), "int8", 4.0, 0),
    ]
    options = schema.SVDFOptionsT()
    options.rank, options.fusedActivationFunction = 2, schema.ActivationFunctionType.RELU  # the only one of int8
    operator = (schema.BuiltinOperator.SVDF, 3, schema.BuiltinOptions.SVDFOptions, options, (0, 1, 2, 3, 4))
    return write(path, tensors, operator, (0,), (5,))


def streaming(path: Path, classes: int) -> Path:
    """float32, logits = x + all x of the runs before + 1: a state in a resource, which begins with 1."""
    model = schema.ModelT()
    model.version, model.description, model.buffers = 3, "tiny", [schema.BufferT()]
    code = schema.BuiltinOperator
    model.operatorCodes = []
    for operator in (code.CALL_ONCE, code.VAR_HANDLE, code.READ_VARIABLE, code.ADD, code.ASSIGN_VARIABLE):
        entry = schema.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = operator, min(operator, 127), 1
        model.operatorCodes.append(entry)
    once, handle = schema.CallOnceOptionsT(), schema.VarHandleOptionsT()
    once.initSubgraphIndex, handle.container, handle.sharedName = 1, "", "sum"
    kinds = schema.BuiltinOptions
    of_handle = (kinds.VarHandleOptions, handle)
    add = (kinds.AddOptions, schema.AddOptionsT())
    body, first = schema.SubGraphT(), schema.SubGraphT()
    specs = [Spec("x", (1, classes)), Spec("handle", (1,), "resource"), Spec("before", (1, classes))]
    body.tensors = [_tensor(spec, model) for spec in (*specs, Spec("logits", (1, classes)))]
    body.inputs, body.outputs = [0], [3]
    body.operators = [
        _node(0, (), (), kinds.CallOnceOptions, once),
        _node(1, (), (1,), *of_handle),
        _node(2, (1,), (2,)),
        _node(3, (0, 2), (3,), *add),
        _node(4, (1, 3), ()),
    ]
    ones = Spec("ones", (1, classes), values=np.ones((1, classes), np.float32))
    first.tensors = [_tensor(spec, model) for spec in (Spec("handle", (1,), "resource"), ones)]
    first.inputs, first.outputs = [], []
    first.operators = [_node(1, (), (0,), *of_handle), _node(4, (0, 1), ())]
    model.subgraphs = [body, first]
    return _packed(model, path)


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


def halver(path: Path, shape: tuple[int, ...], *, scale: float = 0.0, zero_point: int = 0) -> Path:
    """Two outputs, `left` and `right`: the halves of x (1, *shape) along its last axis, float32 or int8."""
    quantized = ("int8", scale, zero_point) if scale else ("float32",)
    half = (1, *shape[:-1], shape[-1] // 2)
    tensors = [
        Spec("axis", (), "int32", values=np.array(len(shape), np.int32)),
        Spec("x", (1, *shape), *quantized),
        Spec("left", half, *quantized),
        Spec("right", half, *quantized),
    ]
    options = schema.SplitOptionsT()
    options.numSplits = 2
    operator = (schema.BuiltinOperator.SPLIT, 2 if scale else 1, schema.BuiltinOptions.SplitOptions, options, (0, 1))
    return write(path, tensors, operator, (1,), (2, 3))


def _tensor(spec: Spec, model: Any) -> Any:
    tensor = schema.TensorT()
    tensor.name = spec.name
    tensor.shape = list(spec.shape)
    tensor.type = TYPES[spec.dtype]
    tensor.buffer = 0
    tensor.isVariable = spec.variable
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
