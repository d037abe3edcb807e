"""Pointwise int8 operators that together are one function of one tensor, as MUL, ADD and MUL of a hard-swish are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from edgeswap.tflite.flatbuffer import indices, is_int8, operator_name, view
from edgeswap.tflite.full_integer import layer_in

OF_ONE = frozenset({
    "ABS", "COS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG", "QUANTIZE", "RELU",
    "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "RSQRT", "SIN", "SQRT", "SQUARE", "TANH",
})  # fmt: skip
OF_TWO = frozenset({"ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "PRELU", "SQUARED_DIFFERENCE", "SUB"})


class Step(NamedTuple):
    """One operator of a function.

    Attributes:
        operator: its name in TFLite.
        reads: the tensors that it computes from, by index; constants are none of them.
        writes: the tensor that it writes.
        tensor: the name of that.
        scalars: whether its constants are single values, so that it does the same to each value.
    """

    operator: str
    reads: tuple[int, ...]
    writes: int
    tensor: str
    scalars: bool


class Function(NamedTuple):
    """Operators that compute each value of one tensor from the value in the same place of another.

    Attributes:
        source: the tensor that it is a function of, by index.
        steps: the operators in the order in which they run.
        layer: the Keras layer in the names of the tensors; None where there is none.
    """

    source: int
    steps: tuple[Step, ...]
    layer: str | None


def functions(model: Any, layer_names: Collection[str] = ()) -> list[Function]:
    """Every such group of the first subgraph, each as large as it can be: only its last tensor is read by others.

    Args:
        model: a `ModelT`, see `edgeswap.tflite.flatbuffer.read`.
        layer_names: of the Keras model, see `edgeswap.tflite.full_integer.layer_in`.
    """
    subgraph = model.subgraphs[0]
    readers = Counter(tensor for operator in subgraph.operators for tensor in {*indices(operator.inputs)})
    ends = {*indices(subgraph.outputs)}
    found: dict[int, tuple[int, tuple[Step, ...]]] = {}  # by the tensor that the last step writes
    for operator in subgraph.operators:
        step = _step(model, subgraph, operator)
        if step is None:
            continue
        within = [tensor for tensor in step.reads if tensor in found and readers[tensor] == 1 and tensor not in ends]
        sources = {found[tensor][0] if tensor in within else tensor for tensor in step.reads}
        if len(sources) != 1:
            continue
        before = [each for tensor in dict.fromkeys(within) for each in found.pop(tensor)[1]]
        found[step.writes] = sources.pop(), (*before, step)
    return [
        Function(source, steps, layer_in([step.tensor for step in reversed(steps)], layer_names))
        for source, steps in found.values()
    ]


def _step(model: Any, subgraph: Any, operator: Any) -> Step | None:
    """The operator as a step; None where it is not pointwise, not in int8, or reads nothing but constants."""
    name = operator_name(model.operatorCodes[operator.opcodeIndex])
    if name not in OF_ONE | OF_TWO or len(operator.outputs) != 1:
        return None
    given = [index for index in indices(operator.inputs) if index >= 0]
    constants = [index for index in given if _is_constant(model, subgraph.tensors[index])]
    reads = tuple(index for index in given if index not in constants)
    out = int(operator.outputs[0])
    if not reads or not all(is_int8(subgraph.tensors[index]) for index in (*reads, out)):
        return None
    scalars = all(_values(subgraph.tensors[index]) == 1 for index in constants)
    return Step(name, reads, out, view(subgraph.tensors[out]).name, scalars)


def _is_constant(model: Any, tensor: Any) -> bool:
    data: Sequence[int] | None = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _values(tensor: Any) -> int:
    count = 1
    for size in view(tensor).shape:
        count *= size
    return count
