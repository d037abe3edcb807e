"""The types that an app hands to an int8 model and gets from it: `with_ends` puts them around the finished model.

Libraries such as ML Kit and the Task Library want uint8 or float32 there. What computes stays as it is, to the bit: one
QUANTIZE before it for each input, and one QUANTIZE or DEQUANTIZE behind it for each output. `ends` finds them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeswap.errors import ModelError
from edgeswap.records import Io
from edgeswap.tflite.flatbuffer import changed, indices, is_int8, operator_name, text, view
from edgeswap.tflite.rewriting import Draft, rewrite

UINT8_OFFSET = 128  # uint8 = int8 + 128
INSIDE = "_int8"  # behind the name of an end: the tensor that the model computes with
_DEQUANTIZE_INT8 = 2  # the first version of the operator that reads int8
_OF_AN_OUTPUT = {"UINT8": "QUANTIZE", "FLOAT32": "DEQUANTIZE"}


@dataclass(frozen=True)
class Ends:
    """The uint8 and float32 ends of the first subgraph, each as the index of a tensor.

    Attributes:
        inputs: an input, which one QUANTIZE alone reads, to the int8 tensor that this writes.
        outputs: an output, which a QUANTIZE or DEQUANTIZE writes and nothing reads, to the int8 tensor that this reads.
    """

    inputs: Mapping[int, int]
    outputs: Mapping[int, int]

    @property
    def all(self) -> dict[int, int]:
        """Both."""
        return {**self.inputs, **self.outputs}


def ends(model: Any) -> Ends:
    """The ends of a `ModelT`; those that a model computes with itself, such as its int8 ones, are none."""
    graph = model.subgraphs[0]
    tensors, given, made = graph.tensors, indices(graph.inputs), indices(graph.outputs)
    read = Counter(index for operator in graph.operators for index in indices(operator.inputs))
    inputs, outputs = {}, {}
    for operator in graph.operators:
        name = operator_name(model.operatorCodes[operator.opcodeIndex])
        if name not in _OF_AN_OUTPUT.values():
            continue
        source, target = int(operator.inputs[0]), int(operator.outputs[0])
        first, last = view(tensors[source]).dtype, view(tensors[target]).dtype
        if name == "QUANTIZE" and source in given and source not in made and first in _OF_AN_OUTPUT:
            if read[source] == 1 and is_int8(tensors[target]):
                inputs[source] = target
        elif target in made and not read[target] and _OF_AN_OUTPUT.get(last) == name and is_int8(tensors[source]):
            outputs[target] = source
    return Ends(inputs, outputs)


def with_ends(data: bytes, io: Io) -> bytes:
    """The int8 `.tflite` with inputs and outputs of the type `io`, under the names that they had.

    A uint8 end has the scale of the int8 tensor and a zero point that is 128 higher, so uint8 = int8 + 128 exactly. A
    float32 end holds real values: on the way in they are rounded to the nearest int8 step and clipped, as an app does
    it for an int8 input. Inputs of whole numbers, which are not quantized, stay.

    Raises:
        ModelError: `data` is no TFLite file that can be read, or an output of it is not int8.
    """
    if io == "int8":
        return data

    def change(model: Any) -> Any:
        draft = Draft(model)
        _add(draft, io)
        return draft.model

    return rewrite(data, change)


def _add(draft: Draft, io: Io) -> None:
    graph = draft.subgraphs[0]
    inside: dict[int, int] = {}  # an end to the int8 tensor that the operators go on using
    sources = [index for index in dict.fromkeys(indices(graph.inputs)) if is_int8(graph.tensors[index])]
    results = [index for index in dict.fromkeys(indices(graph.outputs)) if index not in sources]
    for index in (*sources, *results):
        tensor = graph.tensors[index]
        if not is_int8(tensor):
            raise ModelError(
                f"Expected int8 outputs of one scale each, got {view(tensor).dtype} for {text(tensor.name)!r}.",
                f"Leave out --io {io}: only a full-integer int8 model can have such ends.",
            )
        graph.tensors.append(changed(tensor, name=f"{text(tensor.name)}{INSIDE}"))
        inside[index] = len(graph.tensors) - 1
        graph.tensors[index] = _end(tensor, io)
    code = schema.BuiltinOperator
    before = [draft.operator(code.QUANTIZE, [index], inside[index]) for index in sources]
    if io == "uint8":
        behind = [draft.operator(code.QUANTIZE, [inside[index]], index) for index in results]
    else:
        behind = [draft.operator(code.DEQUANTIZE, [inside[index]], index, _DEQUANTIZE_INT8) for index in results]
    graph.operators = [*before, *(_rewired(operator, inside) for operator in graph.operators), *behind]


def _end(tensor: Any, io: Io) -> Any:
    """The tensor of another type in the place of an int8 one."""
    if io == "float32":
        return changed(tensor, type=schema.TensorType.FLOAT32, quantization=None)
    known = view(tensor)
    quantization = schema.QuantizationParametersT(
        scale=list(known.scales), zeroPoint=[known.zero_points[0] + UINT8_OFFSET]
    )
    return changed(tensor, type=schema.TensorType.UINT8, quantization=quantization)


def _rewired(operator: Any, new: Mapping[int, int]) -> Any:
    def renewed(named: Sequence[int]) -> list[int]:
        return [new.get(index, index) for index in indices(named)]

    return changed(operator, inputs=renewed(operator.inputs), outputs=renewed(operator.outputs))
