"""A `.tflite` file as Python objects, and back: `read`, `write`, and names for what stands in between.

The objects are those of the schema (`ModelT`, `SubGraphT`, `TensorT`, ...). No function changes one that it is given.
"""

from __future__ import annotations

import copy
import math
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeswap.errors import ModelError
from edgeswap.tflite.extent import require_bounded

MAXIMUM_SIZE_BYTES = 2**31 - 1  # a flatbuffer's offsets are signed 32-bit numbers
KEPT_BYTES = 2**26  # larger files are few, and are not to stay in memory
_IDENTIFIER = b"TFL3"
_DATA_ALIGNMENT_BYTES = 16  # schema.fbs: `data:[ubyte] (force_align: 16)`


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if not name.startswith("_")}


BUILTIN_NAMES = _names(schema.BuiltinOperator)
TYPE_NAMES = _names(schema.TensorType)

# Bytes of one value; what is not here is packed in other ways.
_BYTES = {
    **dict.fromkeys(("INT8", "UINT8", "BOOL"), 1),
    **dict.fromkeys(("INT16", "UINT16", "FLOAT16"), 2),
    **dict.fromkeys(("INT32", "UINT32", "FLOAT32"), 4),
    **dict.fromkeys(("INT64", "UINT64", "FLOAT64"), 8),
}
_UNARY = ("QUANTIZE", "DEQUANTIZE", "ELU", "HARD_SWISH", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
_INPUTS = {**dict.fromkeys(_UNARY, 1), "MINIMUM": 2, "MAXIMUM": 2}  # of the operators that passes look into
_AT_LEAST = {"FULLY_CONNECTED": 2}


@dataclass(frozen=True)
class Tensor:
    """What a tensor is, without its data.

    Attributes:
        name: as in the file.
        dtype: the schema's name for it, such as `INT8`.
        shape: of the file; a free dimension stands as 1.
        scales: real value of one step; one per tensor or one per channel, empty where not quantized.
        zero_points: the integers that stand for 0.0; as many as scales.
        axis: the dimension the channels lie on.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int


class _CheckedBytes(bytes):
    """Bytes that refuse a slice beyond their end, so that the string of a truncated file is an error and not a part."""

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice) and (key.start > key.stop or key.stop > len(self)):
            raise IndexError(f"bytes {key.start} to {key.stop} of {len(self)}")
        return super().__getitem__(key)


def read(data: bytes) -> Any:
    """The `ModelT` that `data` holds; of a file that was read lately the same one again, as nobody changes it.

    A file is looked at from a dozen sides, and to unpack a network of 100 layers takes a quarter of a second.

    Raises:
        ModelError: `data` is no TFLite file, ends early, points outside of itself, or keeps weights in other files.
    """
    return _kept(data) if len(data) <= KEPT_BYTES and isinstance(data, bytes) else _read(data)


def _read(data: bytes) -> Any:
    if len(data) > MAXIMUM_SIZE_BYTES:
        raise ModelError(f"Expected a .tflite file of at most 2 GiB, got {len(data)} bytes.", "Export a smaller model.")
    if data[4:8] != _IDENTIFIER:
        raise ModelError(
            f"Expected a TFLite file (bytes 4 to 8: {_IDENTIFIER!r}), got {bytes(data[4:8])!r} in {len(data)} bytes.",
            "Give a .tflite file as a converter writes it.",
        )
    try:
        checked = _CheckedBytes(data)
        require_bounded(checked)
        model = _with_buffers_inside(_with_empty_lists(schema.ModelT.InitFromPackedBuf(checked, 0)), checked)
        _check(model)
    except (struct.error, ValueError, IndexError, TypeError, AttributeError, OverflowError, AssertionError) as error:
        raise ModelError(
            f"Expected a whole TFLite file, got {len(data)} bytes that cannot be read through: {error}.",
            "The file is truncated or damaged: export or copy it again.",
        ) from error
    outside = any(
        operator.largeCustomOptionsOffset > 1 for subgraph in model.subgraphs for operator in subgraph.operators
    )
    if outside or model.externalBuffers:
        raise ModelError(
            "Expected a TFLite file that holds all that it needs, got one that keeps weights or options elsewhere.",
            "Export a model below 2 GiB without external buffers.",
        )
    return model


_kept = lru_cache(maxsize=4)(_read)


def forget() -> None:
    """Let the files go that were read lately."""
    _kept.cache_clear()


def _with_buffers_inside(model: Any, data: bytes) -> Any:
    """The model with what lies behind its flatbuffer in its buffers, where a reader looks for it.

    The schema allows that for files above 2 GiB (`offset` and `size` of a Buffer); litert-quantizer writes every file
    so.

    Raises:
        IndexError: it lies outside of the file.
    """

    def inside(buffer: Any) -> Any:
        if buffer.offset <= 1:  # 0 and 1 stand for none
            return buffer
        held = data[buffer.offset : buffer.offset + buffer.size]
        return changed(buffer, data=np.frombuffer(held, np.uint8), offset=0, size=0)

    return changed(model, buffers=[inside(buffer) for buffer in model.buffers])


def _with_empty_lists(model: Any) -> Any:
    """The model with an empty list where the file leaves one out, which means the same."""

    def with_lists(value: Any, *fields: str) -> Any:
        return changed(value, **{name: [] for name in fields if getattr(value, name) is None})

    subgraphs = [
        changed(
            with_lists(subgraph, "tensors", "inputs", "outputs"),
            operators=[with_lists(operator, "inputs", "outputs") for operator in subgraph.operators or ()],
        )
        for subgraph in model.subgraphs or ()
    ]
    return changed(with_lists(model, "operatorCodes", "buffers"), subgraphs=subgraphs)


def _check(model: Any) -> None:
    """Raise IndexError or ValueError where the model cannot be walked.

    It names a tensor, buffer, operator code or subgraph that it does not hold; an operator that passes know has other
    tensors than it takes; operators do not stand in the order in which they run.
    """
    if not model.subgraphs or not model.buffers:
        raise ValueError("no subgraph or no buffer")
    for subgraph in model.subgraphs:
        count = len(subgraph.tensors)
        _check_range(subgraph.inputs, count)
        _check_range(subgraph.outputs, count)
        _check_range((tensor.buffer for tensor in subgraph.tensors), len(model.buffers))
        for tensor in subgraph.tensors:
            _check_content(tensor, model.buffers[tensor.buffer].data)
        touched: set[int] = set()
        for operator in subgraph.operators:
            _check_operator(model, operator, count)
            touched.update(int(index) for index in operator.inputs)
            if touched & {int(index) for index in operator.outputs}:
                raise ValueError("an operator writes a tensor that is read or written before it")
            touched.update(int(index) for index in operator.outputs)
    _check_range((metadata.buffer for metadata in model.metadata or ()), len(model.buffers))
    for signature in model.signatureDefs or ():
        _check_range((signature.subgraphIndex,), len(model.subgraphs))
        entries = (*(signature.inputs or ()), *(signature.outputs or ()))
        count = len(model.subgraphs[signature.subgraphIndex].tensors)
        _check_range((entry.tensorIndex for entry in entries), count)


def _check_content(tensor: Any, data: Any) -> None:
    """Raise ValueError where a constant has other bytes than its type and shape take."""
    value_bytes = _BYTES.get(TYPE_NAMES.get(tensor.type, ""))
    if data is None or not len(data) or value_bytes is None or tensor.sparsity is not None:
        return
    expected = value_bytes * math.prod(() if tensor.shape is None else tensor.shape.tolist())
    if len(data) != expected:
        raise ValueError(f"a constant of {len(data)} bytes where its type and shape take {expected}")


def _check_operator(model: Any, operator: Any, tensor_count: int) -> None:
    _check_range((operator.opcodeIndex,), len(model.operatorCodes))
    _check_range(operator.outputs, tensor_count)
    _check_range(
        (*operator.inputs, *indices(operator.intermediates)), tensor_count, lowest=-1
    )  # -1: optional, not there
    name = operator_name(model.operatorCodes[operator.opcodeIndex])
    got = (len(operator.inputs), len(operator.outputs))
    if name in _INPUTS and (got != (_INPUTS[name], 1) or -1 in operator.inputs):
        raise ValueError(f"{name} with {got[0]} inputs and {got[1]} outputs")
    if got[0] < _AT_LEAST.get(name, 0) or -1 in operator.inputs[: _AT_LEAST.get(name, 0)]:
        raise ValueError(f"{name} without all of its inputs")


def _check_range(named: Iterable[int], count: int, lowest: int = 0) -> None:
    for index in named:
        if not lowest <= index < count:
            raise IndexError(f"index {index} of {count}")


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose data start where the schema asks; the generated `Pack` aligns them to one byte only."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802  (the schema's name)
        if self.data is None:
            return super().Pack(builder)
        payload = bytes(self.data)
        builder.StartVector(1, len(payload), _DATA_ALIGNMENT_BYTES)
        builder.head -= len(payload)
        builder.Bytes[builder.head : builder.head + len(payload)] = payload
        packed = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, packed)
        return schema.BufferEnd(builder)


def write(model: Any) -> bytes:
    """The file that holds `model`: buffers aligned to 16 bytes as the schema asks."""
    buffers = [_AlignedBuffer(buffer.data, buffer.offset, buffer.size) for buffer in model.buffers]
    builder = flatbuffers.Builder(1024 + sum(len(buffer.data) for buffer in buffers if buffer.data is not None))
    builder.Finish(changed(model, buffers=buffers).Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def builtin_code(code: Any) -> int:
    """The builtin operator of an `OperatorCodeT`; codes above 127 stand in a field that older files lack."""
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def operator_name(code: Any) -> str:
    """The builtin's name, such as `CONV_2D`, or a custom operator's own code, such as `edgetpu-custom-op`."""
    number = builtin_code(code)
    if number == schema.BuiltinOperator.CUSTOM:
        return text(code.customCode)
    return BUILTIN_NAMES.get(number, f"BUILTIN_{number}")


def operators(model: Any) -> dict[str, int]:
    """Operator name to how often it occurs, over all subgraphs, most frequent first."""
    found = Counter(
        operator_name(model.operatorCodes[operator.opcodeIndex])
        for subgraph in model.subgraphs
        for operator in subgraph.operators
    )
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))


def text(name: bytes | str | None) -> str:
    """A name as text; the schema gives bytes."""
    return (name or b"").decode("utf-8", "replace") if not isinstance(name, str) else name


def view(tensor: Any) -> Tensor:
    """What a `TensorT` is, without its data."""
    quantization = tensor.quantization or schema.QuantizationParametersT()
    scales = () if quantization.scale is None else quantization.scale
    zero_points = () if quantization.zeroPoint is None else quantization.zeroPoint
    return Tensor(
        name=text(tensor.name),
        dtype=TYPE_NAMES.get(tensor.type, f"TYPE_{tensor.type}"),
        shape=() if tensor.shape is None else tuple(int(size) for size in tensor.shape),
        scales=tuple(float(scale) for scale in scales),
        zero_points=tuple(int(zero_point) for zero_point in zero_points),
        axis=quantization.quantizedDimension,
    )


def is_int8(tensor: Any) -> bool:
    """Whether a `TensorT` is int8 with one scale."""
    known = view(tensor)
    return known.dtype == "INT8" and len(known.scales) == len(known.zero_points) == 1


def tensors(model: Any, subgraph: int = 0) -> tuple[Tensor, ...]:
    """The tensors of one subgraph, in the order of their indices."""
    return tuple(view(tensor) for tensor in model.subgraphs[subgraph].tensors)


def indices(found: Iterable[int] | None) -> list[int]:
    """A field of indices as a list; it is a NumPy array where it was read, and None where the file leaves it out."""
    return [] if found is None else [int(index) for index in found]


def changed(value: Any, **fields: Any) -> Any:
    """A shallow copy of a schema object with some fields replaced."""
    result = copy.copy(value)
    for name, field in fields.items():
        setattr(result, name, field)
    return result
