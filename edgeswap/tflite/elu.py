"""ELU in int8: the float island that the converter leaves around it becomes the runtime's own int8 kernel.

The converter knows no int8 rule for ELU and writes `DEQUANTIZE -> ELU -> [clip] -> QUANTIZE`. The runtimes have an int8
kernel for it, a table of 256 entries filled with `quantize(elu(dequantize(q)))`: the very steps of the island. So one
int8 ELU between the int8 tensors before and after the island gives what the island gives.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import BUILTIN_NAMES, builtin_code, changed, is_int8, view
from edgeswap.tflite.rewriting import Draft, rewrite_subgraphs

_OP = schema.BuiltinOperator
_SATURATED = {_OP.MINIMUM: 127, _OP.MAXIMUM: -128}  # a bound at which int8 saturates without the operator
_CLIPS = {
    _OP.RELU: (0.0, np.inf),
    _OP.RELU6: (0.0, 6.0),
    _OP.RELU_N1_TO_1: (-1.0, 1.0),
    _OP.RELU_0_TO_1: (0.0, 1.0),
}


@dataclass(frozen=True)
class _Island:
    """`DEQUANTIZE -> [ELU] -> clips -> QUANTIZE` between the int8 tensors `source` and `target`."""

    source: int
    target: int
    name: str
    has_elu: bool
    interval: tuple[float, float]
    operators: tuple[int, ...]


def fold_elu(data: bytes) -> bytes:
    """The `.tflite` with every float island around an ELU replaced by one int8 ELU.

    A clip behind the ELU (MINIMUM or MAXIMUM with one constant, a RELU) costs nothing where the int8 range of the
    island's output ends at it, because the quantization saturates there. Where the range goes beyond, an int8 MINIMUM
    or MAXIMUM follows. Either way the result is the island's: quantizing is monotonic, so it commutes with a clip.
    Only a value within float32's error of the middle between two steps may round to the other one: ai-edge-litert's
    XNNPACK table holds round_half_even(elu(x) / scale + zero_point), its plain table rounds half away from zero.
    An island without an ELU, such as a fake-quantization in front of another range leaves, becomes one QUANTIZE
    from int8 to int8, which rounds the same real number and so differs by at most one step.

    A clipped ELU whose alpha is not 1 is built as LEAKY_RELU(ELU), capped; the cap comes out as an int8 MINIMUM.
    Where its bound is the end of the range it changes no value, yet cuts the XNNPACK delegate's graph in two: it goes.

    Islands that begin or end in another type than int8, or hold an operator not named here, stay as they are, and so
    does the part of one that something else reads; `verify` names them.

    Returns:
        the rewritten file; `data` itself where it holds no such island.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    return rewrite_subgraphs(data, _fold)


def _fold(draft: Draft, number: int) -> bool:
    subgraph = draft.subgraphs[number]
    islands = _islands(draft.model, subgraph)
    if islands:
        subgraph.operators = _folded(draft, number, islands)
    clips = _idle_clips(draft.model, subgraph)
    subgraph.operators = _bypassed(subgraph.operators, clips)
    return bool(islands or clips)


def _islands(model: Any, subgraph: Any) -> dict[int, _Island]:
    """Index of the closing QUANTIZE to its island."""
    writers = {int(output): index for index, operator in enumerate(subgraph.operators) for output in operator.outputs}
    found = {}
    for index, operator in enumerate(subgraph.operators):
        if _kind(model, operator) == _OP.QUANTIZE and is_int8(subgraph.tensors[operator.outputs[0]]):
            island = _island_before(model, subgraph, writers, operator)
            if island is not None:
                found[index] = island
    return found


def _island_before(model: Any, subgraph: Any, writers: dict[int, int], last: Any) -> _Island | None:
    """Walk from the QUANTIZE `last` against the flow up to a DEQUANTIZE; None where anything else is on the way."""
    has_elu = False
    interval = (-np.inf, np.inf)
    walked: list[int] = []
    tensor = int(last.inputs[0])
    while tensor in writers:
        operator = subgraph.operators[writers[tensor]]
        kind = _kind(model, operator)
        walked.append(writers[tensor])
        if kind == _OP.DEQUANTIZE:
            source, target = int(operator.inputs[0]), int(last.outputs[0])
            if not is_int8(subgraph.tensors[source]):
                return None
            name = view(subgraph.tensors[last.inputs[0]]).name
            return _Island(source, target, name, has_elu, interval, tuple(walked))
        clip = _clip(model, subgraph, operator)
        if has_elu or (clip is None and kind != _OP.ELU):
            return None
        if clip is None:
            has_elu, tensor = True, int(operator.inputs[0])
        else:
            (low, high), tensor = clip
            interval = _clipped(low, interval), _clipped(high, interval)  # by all that stands behind
    return None


def _clip(model: Any, subgraph: Any, operator: Any) -> tuple[tuple[float, float], int] | None:
    """The interval a float operator clips to and the tensor it clips; None where it is no clip by one constant."""
    kind = _kind(model, operator)
    if kind in _CLIPS:
        return _CLIPS[kind], int(operator.inputs[0])
    if kind not in (_OP.MINIMUM, _OP.MAXIMUM):
        return None
    for clipped, other in (operator.inputs, operator.inputs[::-1]):
        bounds = _constant(model, subgraph.tensors[other], np.dtype(np.float32))
        if bounds is not None and np.all(bounds == bounds[0]) and _same_shape(subgraph, clipped, operator.outputs[0]):
            bound = float(bounds[0])
            return ((-np.inf, bound) if kind == _OP.MINIMUM else (bound, np.inf)), int(clipped)
    return None


def _clipped(value: float, interval: tuple[float, float]) -> float:
    return min(max(value, interval[0]), interval[1])


def _folded(draft: Draft, number: int, islands: dict[int, _Island]) -> list[Any]:
    """The operators with each island's QUANTIZE replaced, less what only the islands read."""
    subgraph = draft.subgraphs[number]
    result: dict[int, list[Any]] = {index: [operator] for index, operator in enumerate(subgraph.operators)}
    for last, island in islands.items():
        result[last] = _int8_operators(draft, number, island)
    read = Counter(int(index) for operators in result.values() for operator in operators for index in operator.inputs)
    read.update(int(index) for index in subgraph.outputs)
    for index in sorted({index for island in islands.values() for index in island.operators}, reverse=True):
        (operator,) = result[index]
        if not any(read[int(output)] for output in operator.outputs):
            read.subtract(int(tensor) for tensor in operator.inputs)
            result[index] = []
    return [operator for operators in result.values() for operator in operators]


def _int8_operators(draft: Draft, number: int, island: _Island) -> list[Any]:
    """ELU (or a requantizing QUANTIZE) from source to target, and a clip where the target's range goes beyond it."""
    subgraph = draft.subgraphs[number]
    target = view(subgraph.tensors[island.target])
    if "/" not in target.name and island.target not in subgraph.outputs:  # "tfl.quantize": names no layer
        subgraph.tensors[island.target] = changed(subgraph.tensors[island.target], name=island.name)
    scale, zero_point = target.scales[0], target.zero_points[0]
    lowest, highest = (_quantized(bound, scale, zero_point) for bound in island.interval)
    result = []
    kind, version, inputs = (_OP.ELU if island.has_elu else _OP.QUANTIZE), 1, [island.source]
    for clip, bound in ((_OP.MAXIMUM, lowest), (_OP.MINIMUM, highest)):
        if bound == _SATURATED[clip]:
            continue
        name = f"{island.name}/{BUILTIN_NAMES[clip].lower()}"
        unclipped = draft.int8_tensor(number, f"{name}/input", target.shape, scale, zero_point)
        constant = draft.int8_tensor(number, f"{name}/bound", (), scale, zero_point, values=np.array([bound], np.int8))
        result.append(draft.operator(kind, inputs, unclipped, version))
        kind, version, inputs = clip, 2, [unclipped, constant]
    return [*result, draft.operator(kind, inputs, island.target, version)]


def _quantized(value: float, scale: float, zero_point: int) -> int:
    """`value` in int8 steps, saturated (TFLite 8-bit specification: real = scale * (int8 - zero point))."""
    return int(np.clip(np.round(np.float32(value) / np.float32(scale)) + zero_point, -128, 127))


def _idle_clips(model: Any, subgraph: Any) -> dict[int, int]:
    """Output to input of every int8 MINIMUM or MAXIMUM whose bound is the end of int8: it changes no value."""
    read = Counter(int(index) for operator in subgraph.operators for index in operator.inputs)
    written = {int(index) for operator in subgraph.operators for index in operator.outputs}
    found = {}
    for operator in subgraph.operators:
        kind = _kind(model, operator)
        if kind not in _SATURATED:
            continue
        output = int(operator.outputs[0])
        for clipped, other in (operator.inputs, operator.inputs[::-1]):
            involved = [view(subgraph.tensors[index]) for index in (clipped, other, output)]
            bounds = _constant(model, subgraph.tensors[other], np.dtype(np.int8))
            one_quantization = len({(tensor.scales, tensor.zero_points) for tensor in involved}) == 1
            alone = read[int(clipped)] == 1 and clipped in written and clipped not in subgraph.outputs
            idle = bounds is not None and np.all(bounds == _SATURATED[kind])
            if idle and one_quantization and alone and _same_shape(subgraph, clipped, output):
                found[int(clipped)] = output
    return found


def _bypassed(operators: list[Any], clips: dict[int, int]) -> list[Any]:
    """The operators less the clips: what wrote a clip's input writes its output."""

    def behind(tensor: int) -> int:
        return behind(clips[tensor]) if tensor in clips else tensor

    return [
        changed(operator, outputs=[behind(int(output)) for output in operator.outputs])
        for operator in operators
        if not (set(clips) & {int(tensor) for tensor in operator.inputs})
    ]


def _constant(model: Any, tensor: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any] | None:
    """The values of a constant tensor, flat; None where it is no constant or of another dtype."""
    data = model.buffers[tensor.buffer].data
    if view(tensor).dtype != dtype.name.upper() or data is None or len(data) == 0 or len(data) % dtype.itemsize:
        return None
    return np.frombuffer(bytes(data), dtype)


def _same_shape(subgraph: Any, one: int, other: int) -> bool:
    return view(subgraph.tensors[one]).shape == view(subgraph.tensors[other]).shape


def _kind(model: Any, operator: Any) -> int:
    return builtin_code(model.operatorCodes[operator.opcodeIndex])
