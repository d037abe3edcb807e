"""A `.tflite` file as Python objects, and back: what the passes over it share.

The objects are those of the schema (`ModelT`, `SubGraphT`, `TensorT`, ...). No function changes one that it is given; a
pass hands `rewrite` a function from model to model, works on a `Draft` and never on what was read.
"""

from __future__ import annotations

import copy
import io
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from edgeswap.errors import ModelError

MAXIMUM_SIZE_BYTES = 2**31 - 1  # a flatbuffer's offsets are signed 32-bit numbers
_IDENTIFIER = b"TFL3"
_DATA_ALIGNMENT_BYTES = 16  # schema.fbs: `data:[ubyte] (force_align: 16)`


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if not name.startswith("_")}


BUILTIN_NAMES = _names(schema.BuiltinOperator)
TYPE_NAMES = _names(schema.TensorType)

_UNARY = ("QUANTIZE", "DEQUANTIZE", "ELU", "HARD_SWISH", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
_INPUTS = {**dict.fromkeys(_UNARY, 1), "MINIMUM": 2, "MAXIMUM": 2}  # of the operators that passes look into


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
    """The `ModelT` that `data` holds.

    Raises:
        ModelError: `data` is no TFLite file, ends early, points outside of itself, or keeps weights outside of the
            flatbuffer (external buffers, models above 2 GiB).
    """
    if len(data) > MAXIMUM_SIZE_BYTES:
        raise ModelError(f"Expected a .tflite file of at most 2 GiB, got {len(data)} bytes.", "Export a smaller model.")
    if data[4:8] != _IDENTIFIER:
        raise ModelError(
            f"Expected a TFLite file (bytes 4 to 8: {_IDENTIFIER!r}), got {bytes(data[4:8])!r} in {len(data)} bytes.",
            "Give a .tflite file as a converter writes it.",
        )
    try:
        model = _with_empty_lists(schema.ModelT.InitFromPackedBuf(_CheckedBytes(data), 0))
        _check(model)
    except (struct.error, ValueError, IndexError, TypeError, AttributeError, OverflowError, AssertionError) as error:
        raise ModelError(
            f"Expected a whole TFLite file, got {len(data)} bytes that cannot be read through: {error}.",
            "The file is truncated or damaged: export or copy it again.",
        ) from error
    outside = any(buffer.offset > 1 for buffer in model.buffers) or any(
        operator.largeCustomOptionsOffset > 1 for subgraph in model.subgraphs for operator in subgraph.operators
    )
    if outside or model.externalBuffers:
        raise ModelError(
            "Expected a TFLite file that holds its weights in the flatbuffer, got one that keeps them outside of it.",
            "Export a model below 2 GiB without external buffers.",
        )
    return model


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


def _check_operator(model: Any, operator: Any, tensor_count: int) -> None:
    _check_range((operator.opcodeIndex,), len(model.operatorCodes))
    _check_range(operator.outputs, tensor_count)
    _check_range((*operator.inputs, *_list(operator.intermediates)), tensor_count, lowest=-1)  # -1: optional, not there
    name = operator_name(model.operatorCodes[operator.opcodeIndex])
    got = (len(operator.inputs), len(operator.outputs))
    if name in _INPUTS and (got != (_INPUTS[name], 1) or -1 in operator.inputs):
        raise ValueError(f"{name} with {got[0]} inputs and {got[1]} outputs")


def _check_range(indices: Iterable[int], count: int, lowest: int = 0) -> None:
    for index in indices:
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


def rewrite(data: bytes, change: Callable[[Any], Any]) -> bytes:
    """`data` after `change`, a function from `ModelT` to `ModelT`, without what the change orphaned.

    Where `change` returns the very model that it was given, `data` itself comes back. Files that TFLite Metadata
    appended as a zip archive (labels) stay with the model.

    Raises:
        ModelError: `data` cannot be read.
    """
    model = read(data)
    after = change(model)
    if after is model:
        return data
    return _with_attachments(write(without_orphans(after)), data)


def _with_attachments(rewritten: bytes, original: bytes) -> bytes:
    source, target = io.BytesIO(original), io.BytesIO(rewritten)
    if not zipfile.is_zipfile(source):
        return rewritten
    with zipfile.ZipFile(source) as attached, zipfile.ZipFile(target, "a") as copied:
        for entry in attached.infolist():
            copied.writestr(entry, attached.read(entry))
    return target.getvalue()


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


def tensors(model: Any, subgraph: int = 0) -> tuple[Tensor, ...]:
    """The tensors of one subgraph, in the order of their indices."""
    return tuple(view(tensor) for tensor in model.subgraphs[subgraph].tensors)


def changed(value: Any, **fields: Any) -> Any:
    """A shallow copy of a schema object with some fields replaced."""
    result = copy.copy(value)
    for name, field in fields.items():
        setattr(result, name, field)
    return result


class Draft:
    """A copy of a model that a pass may add to: its lists are new, what they hold is still the original's.

    Replace an operator or a tensor in `subgraphs`; never write into one.
    """

    def __init__(self, model: Any) -> None:
        self.buffers = list(model.buffers)
        self.codes = list(model.operatorCodes)
        self.subgraphs = [
            changed(subgraph, tensors=list(subgraph.tensors), operators=list(subgraph.operators))
            for subgraph in model.subgraphs
        ]
        self.model = changed(model, buffers=self.buffers, operatorCodes=self.codes, subgraphs=self.subgraphs)

    def operator(self, builtin: int, inputs: Sequence[int], output: int, version: int = 1, options: Any = None) -> Any:
        """An `OperatorT` of `builtin` with one output; its code is added where the model lacks it."""
        key = (builtin, version)
        known = [(builtin_code(code), code.version) for code in self.codes]
        if key not in known:
            code = schema.OperatorCodeT(
                deprecatedBuiltinCode=min(builtin, 127), version=version, builtinCode=builtin, customCode=None
            )
            self.codes.append(code)
            known.append(key)
        kind = 0 if options is None else getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        return schema.OperatorT(
            opcodeIndex=known.index(key),
            inputs=list(inputs),
            outputs=[output],
            builtinOptionsType=kind,
            builtinOptions=options,
        )

    def int8_tensor(
        self,
        subgraph: int,
        name: str,
        shape: Sequence[int],
        scale: float,
        zero_point: int,
        *,
        values: npt.NDArray[np.int8] | None = None,
    ) -> int:
        """The index of a new int8 tensor, a constant where `values` are given."""
        self.buffers.append(schema.BufferT(data=None if values is None else values.view(np.uint8).ravel()))
        quantization = schema.QuantizationParametersT(scale=[scale], zeroPoint=[zero_point])
        tensor = schema.TensorT(
            shape=list(shape),
            type=schema.TensorType.INT8,
            buffer=len(self.buffers) - 1,
            name=name,
            quantization=quantization,
            hasRank=True,
        )
        self.subgraphs[subgraph].tensors.append(tensor)
        return len(self.subgraphs[subgraph].tensors) - 1


def without_orphans(model: Any) -> Any:
    """The model without the tensors, buffers and operator codes that nothing in it names.

    Every subgraph, signature and metadata entry stays. Buffer 0 stays: by the schema it is the empty one.
    """
    codes = _positions(operator.opcodeIndex for subgraph in model.subgraphs for operator in subgraph.operators)
    tensors_of = [_positions(_named_tensors(model, number)) for number in range(len(model.subgraphs))]
    buffers = _positions(
        [0, *_list(model.metadataBuffer), *(entry.buffer for entry in model.metadata or ())]
        + [model.subgraphs[number].tensors[index].buffer for number, used in enumerate(tensors_of) for index in used]
    )
    subgraphs = []
    for subgraph, new in zip(model.subgraphs, tensors_of, strict=True):
        kept = [changed(subgraph.tensors[i], buffer=buffers[subgraph.tensors[i].buffer]) for i in new]
        calls = [
            changed(
                _renumbered(operator, new, "inputs", "outputs", "intermediates"),
                opcodeIndex=codes[operator.opcodeIndex],
            )
            for operator in subgraph.operators
        ]
        subgraphs.append(changed(_renumbered(subgraph, new, "inputs", "outputs"), tensors=kept, operators=calls))
    signatures = []
    for signature in model.signatureDefs or ():
        new = tensors_of[signature.subgraphIndex]
        inputs, outputs = (
            [changed(entry, tensorIndex=new[entry.tensorIndex]) for entry in entries or ()]
            for entries in (signature.inputs, signature.outputs)
        )
        signatures.append(changed(signature, inputs=inputs, outputs=outputs))
    return changed(
        _renumbered(model, buffers, "metadataBuffer"),
        operatorCodes=[model.operatorCodes[index] for index in codes],
        buffers=[model.buffers[index] for index in buffers],
        metadata=[changed(entry, buffer=buffers[entry.buffer]) for entry in model.metadata or ()] or None,
        subgraphs=subgraphs,
        signatureDefs=signatures or None,
    )


def _named_tensors(model: Any, number: int) -> Iterator[int]:
    subgraph = model.subgraphs[number]
    yield from (*_list(subgraph.inputs), *_list(subgraph.outputs))
    for operator in subgraph.operators:
        yield from (*_list(operator.inputs), *_list(operator.outputs), *_list(operator.intermediates))
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == number:
            yield from (entry.tensorIndex for entry in (*(signature.inputs or ()), *(signature.outputs or ())))


def _renumbered(value: Any, new: Mapping[int, int], *fields: str) -> Any:
    """`value` with the indices in some of its fields renewed; -1, an optional tensor that is not there, stays."""
    found = {name: getattr(value, name) for name in fields if getattr(value, name) is not None}
    return changed(value, **{name: [new[i] if i != -1 else -1 for i in _list(found[name])] for name in found})


def _list(indices: Iterable[int] | None) -> list[int]:
    return [] if indices is None else [int(index) for index in indices]


def _positions(named: Iterable[int]) -> dict[int, int]:
    """Each index that is named to its place once the others are gone."""
    return {old: new for new, old in enumerate(sorted(set(named) - {-1}))}
