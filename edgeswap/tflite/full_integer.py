"""The gate: is a `.tflite` full-integer, and if not, which operator of which layer is to blame?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeswap.errors import VerificationError
from edgeswap.records import Io
from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.ends import INSIDE, ends
from edgeswap.tflite.flatbuffer import Tensor, indices, operator_name, read
from edgeswap.tflite.flatbuffer import tensors as tensors_of
from edgeswap.tflite.remedies import instead_of

FLOAT_DTYPES = frozenset({"FLOAT64", "FLOAT32", "FLOAT16", "BFLOAT16", "FLOAT8_E4M3FN", "FLOAT8_E5M2"}) | {
    "COMPLEX64",
    "COMPLEX128",
}
_WEIGHT_DTYPES = frozenset({"INT8", "UINT8", "INT4", "UINT4", "INT2"})
_BORDERS = frozenset({"QUANTIZE", "DEQUANTIZE"})
_IO: Mapping[str, Io] = {"INT8": "int8", "UINT8": "uint8", "FLOAT32": "float32"}
_SHOWN = 5
_UPSTREAM = 32  # tensors; enough to pass the unnamed ones at a model's end


@dataclass(frozen=True)
class FloatOperator:
    """An operator that reads or writes a float tensor.

    Attributes:
        operator: builtin name, such as `ELU`.
        tensors: names of its float tensors, what it writes first.
        upstream: names of the tensors it depends on, nearest first; they tell where in the model it stands.
        is_hybrid: it keeps quantized weights but computes on float activations.
        is_end: it only turns a float32 input into int8, or int8 into a float32 output.
    """

    operator: str
    tensors: tuple[str, ...]
    upstream: tuple[str, ...]
    is_hybrid: bool
    is_end: bool = False

    def __str__(self) -> str:
        return f"{self.operator} ({self.tensors[0]})"


@dataclass(frozen=True)
class Verdict:
    """What verify found, over all subgraphs.

    Attributes:
        input_dtypes, output_dtypes: of the first subgraph, in order, as the schema names them (`INT8`).
        float_tensors: names of every tensor of a float type, also of those no operator uses; but not what an operator
            has as `intermediates` alone, which hold no values: an int8 LSTM notes scales of its gates in empty ones.
        float_inside: those of them that are not float32 ends, see `edgeswap.tflite.ends`.
        float_operators: every operator that reads or writes one.
        has_int8_activations: some operator writes an int8 tensor.
        has_quantized_weights: some constant is an integer of 8 bits or less.
        has_ends_alone: every input and output that is not int8 is quantized first, or comes from int8 last.
    """

    input_dtypes: tuple[str, ...]
    output_dtypes: tuple[str, ...]
    float_tensors: tuple[str, ...]
    float_inside: tuple[str, ...]
    float_operators: tuple[FloatOperator, ...]
    has_int8_activations: bool
    has_quantized_weights: bool
    has_ends_alone: bool

    @property
    def is_full_integer(self) -> bool:
        """int8 in, int8 out, no float tensor in between."""
        return self.io == "int8"

    @property
    def io(self) -> Io | None:
        """The type of every input and output where all between them is int8; None for another model.

        Of `uint8` and `float32` each input goes into a QUANTIZE and nothing else, and each output comes from a QUANTIZE
        or DEQUANTIZE.
        """
        named = {*self.input_dtypes, *self.output_dtypes}
        found = _IO.get(next(iter(named))) if len(named) == 1 else None
        return found if self.has_ends_alone and not self.float_inside else None


def verify(data: bytes) -> Verdict:
    """Judge a `.tflite` file by its tensors' types, without running it.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    model = read(data)
    tensors = [tensors_of(model, number) for number in range(len(model.subgraphs))]
    calls = [(number, operator) for number, subgraph in enumerate(model.subgraphs) for operator in subgraph.operators]
    writers: list[dict[int, Any]] = [{} for _ in model.subgraphs]
    for number, operator in calls:
        writers[number].update((int(output), operator) for output in operator.outputs)
    constants = {
        known.dtype
        for number, subgraph in enumerate(model.subgraphs)
        for known, tensor in zip(tensors[number], subgraph.tensors, strict=True)
        if model.buffers[tensor.buffer].data is not None and len(model.buffers[tensor.buffer].data)
    }
    floats = [
        (number, index)
        for number, known in enumerate(tensors)
        for index, tensor in enumerate(known)
        if tensor.dtype in FLOAT_DTYPES and index not in _intermediates(model.subgraphs[number])
    ]
    graph, at_ends = model.subgraphs[0], ends(model).all
    return Verdict(
        input_dtypes=tuple(tensors[0][index].dtype for index in graph.inputs),
        output_dtypes=tuple(tensors[0][index].dtype for index in graph.outputs),
        float_tensors=tuple(tensors[number][index].name for number, index in floats),
        float_inside=tuple(tensors[number][index].name for number, index in floats if number or index not in at_ends),
        float_operators=tuple(
            _float_operator(
                operator_name(model.operatorCodes[call.opcodeIndex]),
                call,
                tensors[number],
                writers[number],
                is_end=not number and any(int(index) in at_ends for index in (*call.inputs, *call.outputs)),
            )
            for number, call in calls
            if _float_names(tensors[number], call)
        ),
        has_int8_activations=any(
            tensors[number][index].dtype == "INT8" for number in range(len(writers)) for index in writers[number]
        ),
        has_quantized_weights=bool(constants & _WEIGHT_DTYPES),
        has_ends_alone=all(
            tensors[0][index].dtype == "INT8" or index in at_ends for index in map(int, (*graph.inputs, *graph.outputs))
        ),
    )


def require_full_integer(data: bytes, layer_names: Sequence[str] = (), *, io: Io = "int8") -> None:
    """Raise where a `.tflite` is not full-integer, or has other ends than `io`.

    Args:
        data: the file.
        io: the type of its inputs and outputs; of other types than int8 a QUANTIZE must come first and a QUANTIZE or
            DEQUANTIZE last, one for each of them.
        layer_names: the Keras model's layers. With them a layer is named only if the model has it; without them it is
            read off the tensors' names (`model/layer/Op`).

    Raises:
        VerificationError: an input or output is not `io`, or a float tensor is left. It names operators, tensors,
            layers and what to do.
        ModelError: `data` is no TFLite file that can be read.
    """
    verdict = verify(data)
    if verdict.io == io:
        return
    found = [
        f"{what} {', '.join(dtypes)}"
        for what, dtypes in (("input", verdict.input_dtypes), ("output", verdict.output_dtypes))
        if set(dtypes) != {io.upper()}
    ]
    left = verdict.float_tensors if io == "int8" else verdict.float_inside
    if left:
        found.append(f"{len(left)} float tensors: {_blame(verdict, layer_names)}")
    if not found:
        found.append(f"{io} tensors that operators compute on")
    raise VerificationError(
        f"Expected a full-integer model ({io} in, {io} out, no float tensor in between), got {'; '.join(found)}.",
        _remedy(verdict, data),
    )


def layer_of(operator: FloatOperator, layer_names: Sequence[str] = ()) -> str | None:
    """The Keras layer that a float operator most likely comes from, or else the nearest layer before it."""
    return layer_in((*operator.tensors, *operator.upstream), layer_names)


def layer_in(tensor_names: Iterable[str], layer_names: Collection[str] = ()) -> str | None:
    """The Keras layer that the first of these tensors with a layer in its name comes from.

    Args:
        tensor_names: in the order in which they are looked at.
        layer_names: of the network that was converted; a mapping gives for each the name that the user gave it, which
            is returned. Empty where the network is not known: the layer is then read off the path alone.

    Tensor names hold the path of the Keras layer, `model/layer/Op`; several, joined by `;`, where operators were fused.
    tfmot's wrappers put `quant_` before a layer's name, and `--io` puts `_int8` behind that of an end.
    """
    for name in tensor_names:
        for path in filter(None, name.split(";")):
            if layer_names:
                within = f"/{path}/".replace("/quant_", "/") + f"/{path}/{path.removesuffix(INSIDE)}/"
                inside = [layer for layer in layer_names if f"/{layer}/" in within]
                if inside:
                    found = max(inside, key=len)
                    return layer_names[found] if isinstance(layer_names, Mapping) else found
            elif "/" in path:
                return _without_scopes(path.split("/")[:-1]).removeprefix("quant_")
    return None


# What layers and operations of TensorFlow put between a layer's name and an operation's.
_SCOPES = frozenset({"Gelu", "Tensordot", "batchnorm", "moments", "weighted_moments", "resize", "while", "body"})


def _without_scopes(path: list[str]) -> str:
    """The last part that may be a layer."""
    while len(path) > 1 and path[-1].rstrip("0123456789_") in _SCOPES:
        path = path[:-1]
    return path[-1]


def _float_operator(
    name: str, call: Any, tensors: Sequence[Tensor], writers: Mapping[int, Any], *, is_end: bool
) -> FloatOperator:
    reads = [int(index) for index in call.inputs if index != -1]
    writes_float = any(tensors[index].dtype in FLOAT_DTYPES for index in call.outputs)
    reads_weights = any(tensors[index].dtype in _WEIGHT_DTYPES for index in reads)
    return FloatOperator(
        operator=name,
        tensors=_float_names(tensors, call),
        upstream=tuple(tensors[index].name for index in upstream(writers, reads)),
        is_hybrid=name not in _BORDERS and writes_float and reads_weights,
        is_end=is_end,
    )


def _intermediates(subgraph: Any) -> frozenset[int]:
    """Tensors that operators name as intermediates, and as nothing else."""
    inner = {int(index) for operator in subgraph.operators for index in indices(operator.intermediates)}
    named = {*indices(subgraph.inputs), *indices(subgraph.outputs)}.union(
        *({*indices(operator.inputs), *indices(operator.outputs)} for operator in subgraph.operators)
    )
    return frozenset(inner - named)


def _float_names(tensors: Sequence[Tensor], operator: Any) -> tuple[str, ...]:
    both = (*operator.outputs, *operator.inputs)
    return tuple(tensors[index].name for index in both if index != -1 and tensors[index].dtype in FLOAT_DTYPES)


def upstream(writers: Mapping[int, Any], tensors: Sequence[int]) -> list[int]:
    """The nearest tensors that some are computed from, they themselves first, then by distance.

    Args:
        writers: index of a tensor to the operator that writes it.
        tensors: their indices.
    """
    found = list(dict.fromkeys(tensors))
    for tensor in found:  # grows while it is walked: breadth first
        if tensor in writers and len(found) < _UPSTREAM:
            found += [int(index) for index in writers[tensor].inputs if index != -1 and int(index) not in found]
    return found


def _blame(verdict: Verdict, layer_names: Sequence[str]) -> str:
    """The float operators that compute; those at the borders to int8 only where there are no others."""
    computing = [operator for operator in verdict.float_operators if operator.operator not in _BORDERS]
    shown = computing or list(verdict.float_operators)
    if not shown:
        return f"{', '.join(map(repr, verdict.float_tensors[:_SHOWN]))}, which no operator uses"
    lines = []
    for operator in shown[:_SHOWN]:
        layer = layer_of(operator, layer_names)
        kind = f"{operator.operator}, hybrid," if operator.is_hybrid else operator.operator
        lines.append(f"{kind} on tensor {operator.tensors[0]!r}" + (f" (layer {layer!r})" if layer else ""))
    rest = len(shown) - len(lines)
    return ", ".join(lines) + (f", and {rest} more" if rest else "")


def _remedy(verdict: Verdict, data: bytes) -> str:
    computing = {operator.operator for operator in verdict.float_operators} - _BORDERS
    causes = (
        (
            not verdict.has_int8_activations and verdict.has_quantized_weights,
            "Only its weights are quantized (dynamic range): convert it again with a representative dataset.",
        ),
        (not verdict.has_int8_activations, "It is a float model: quantize it with `edgeswap export --int8`."),
        (
            verify(fold_elu(data)).is_full_integer,
            "Export it with `edgeswap export --int8`, which makes these float islands int8 operators.",
        ),
        (bool(computing), instead_of(computing)),
        (
            bool(verdict.float_tensors) and not verdict.float_operators,
            "Nothing computes on these tensors: write the file again without them.",
        ),
        (True, "Convert it with int8 as inference_input_type and inference_output_type."),
    )
    return next(remedy for applies, remedy in causes if applies)
