"""Changing a `.tflite` file: a pass hands `rewrite` a function from model to model.

The function works on a `Draft`, or on copies (`flatbuffer.changed`), and never on what was read.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import builtin_code, changed, indices, read, write


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


def rewrite_subgraphs(data: bytes, change: Callable[[Draft, int], bool]) -> bytes:
    """`data` with some subgraphs changed, see `rewrite`.

    Args:
        data: the file.
        change: the draft and the number of a subgraph in it, which it may change; whether it did.

    Raises:
        ModelError: `data` cannot be read.
    """

    def change_all(model: Any) -> Any:
        draft = Draft(model)
        changes = [change(draft, number) for number in range(len(draft.subgraphs))]
        return draft.model if any(changes) else model

    return rewrite(data, change_all)


def replace_operators(data: bytes, instead: Callable[[Draft, int, Any], Sequence[Any] | None]) -> bytes:
    """`data` with some operators written as others, see `rewrite`.

    Args:
        data: the file.
        instead: the draft, the number of a subgraph and one of its operators to those that replace it; None keeps it.

    Raises:
        ModelError: `data` cannot be read.
    """

    def change(draft: Draft, number: int) -> bool:
        subgraph = draft.subgraphs[number]
        written = [(operator, instead(draft, number, operator)) for operator in subgraph.operators]
        subgraph.operators = [one for operator, others in written for one in ([operator] if others is None else others)]
        return any(others is not None for _, others in written)

    return rewrite_subgraphs(data, change)


def _with_attachments(rewritten: bytes, original: bytes) -> bytes:
    source, target = io.BytesIO(original), io.BytesIO(rewritten)
    if not zipfile.is_zipfile(source):
        return rewritten
    with zipfile.ZipFile(source) as attached, zipfile.ZipFile(target, "a") as copied:
        for entry in attached.infolist():
            copied.writestr(entry, attached.read(entry))
    return target.getvalue()


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
        [0, *indices(model.metadataBuffer), *(entry.buffer for entry in model.metadata or ())]
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
    yield from (*indices(subgraph.inputs), *indices(subgraph.outputs))
    for operator in subgraph.operators:
        yield from (*indices(operator.inputs), *indices(operator.outputs), *indices(operator.intermediates))
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == number:
            yield from (entry.tensorIndex for entry in (*(signature.inputs or ()), *(signature.outputs or ())))


def _renumbered(value: Any, new: Mapping[int, int], *fields: str) -> Any:
    """`value` with the indices in some of its fields renewed; -1, an optional tensor that is not there, stays."""
    found = {name: getattr(value, name) for name in fields if getattr(value, name) is not None}
    return changed(value, **{name: [new[i] if i != -1 else -1 for i in indices(found[name])] for name in found})


def _positions(named: Iterable[int]) -> dict[int, int]:
    """Each index that is named to its place once the others are gone."""
    return {old: new for new, old in enumerate(sorted(set(named) - {-1}))}
