"""Hard-swish in int8 as a product: `x * clip(x / 6 + 1/2, 0, 1)` by MUL, ADD and MUL instead of one HARD_SWISH.

ai-edge-litert's XNNPACK delegate does not take an int8 HARD_SWISH, so that each cuts the graph in two, and the Edge TPU
has none at all; both have ADD and MUL. Other runtimes run the operator faster: it is for the caller to choose.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import Tensor, is_int8, operator_name, view
from edgeswap.tflite.rewriting import Draft, replace_operators

_OP = schema.BuiltinOperator
_STEPS = 255  # between the ends of int8
_HIGHEST = 127


def rewrite_hard_swish(data: bytes) -> bytes:
    """The `.tflite` with every int8 HARD_SWISH `y = x * clip(x + 3, 0, 6) / 6` written as

        sixth = MUL(x, 1/6)        gate = ADD(sixth, 1/2)        y = MUL(x, gate)

    - `sixth` has a sixth of x's scale and x's zero point: its integers are x's own, the product loses nothing.
    - `gate` ends at 0 and at `gate_top = min(1, highest x / 6 + 1/2)`: saturation at both ends is the clip. It is off
      by half a step of `gate_top / 255` where -3 < x < 3 and exact elsewhere, since 0 and 1 are steps.
    - y keeps its tensor and adds its own rounding. So y is off the float hard-swish by at most
      `1/2 + 3/2 * gate_top / 255 / scale of y` steps (and 0.05 for the kernels' fixed-point arithmetic); where the
      range of y is 3 or wider, that is one step off the correctly rounded one.

    HARD_SWISH on other types stays.

    Returns:
        the rewritten file; `data` itself where it holds no such operator.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    constants: dict[int, tuple[int, int]] = {}

    def product(draft: Draft, number: int, operator: Any) -> list[Any] | None:
        if not _applies(draft, number, operator):
            return None
        if number not in constants:
            constants[number] = _constant(draft, number, "sixth", 1 / 6), _constant(draft, number, "half", 1 / 2)
        return _product(draft, number, operator, *constants[number])

    return replace_operators(data, product)


def _applies(draft: Draft, number: int, operator: Any) -> bool:
    if operator_name(draft.codes[operator.opcodeIndex]) != "HARD_SWISH":
        return False
    return all(is_int8(draft.subgraphs[number].tensors[index]) for index in (operator.inputs[0], operator.outputs[0]))


def _product(draft: Draft, number: int, operator: Any, sixth: int, half: int) -> list[Any]:
    x, y = int(operator.inputs[0]), int(operator.outputs[0])
    before, after = (view(draft.subgraphs[number].tensors[index]) for index in (x, y))
    scaled = draft.int8_tensor(number, f"{after.name}/sixth", before.shape, before.scales[0] / 6, before.zero_points[0])
    gate = draft.int8_tensor(number, f"{after.name}/gate", before.shape, _gate_top(before) / _STEPS, -128)
    return [
        draft.operator(_OP.MUL, [x, sixth], scaled, 2, schema.MulOptionsT()),
        draft.operator(_OP.ADD, [scaled, half], gate, 2, schema.AddOptionsT()),
        draft.operator(_OP.MUL, [x, gate], y, 2, schema.MulOptionsT()),
    ]


def _gate_top(x: Tensor) -> float:
    """The highest value of `clip(x / 6 + 1/2, 0, 1)` over the range of x; at least 1/2, as int8 ranges hold 0."""
    highest = x.scales[0] * (_HIGHEST - x.zero_points[0])
    return min(1.0, highest / 6 + 1 / 2)


def _constant(draft: Draft, number: int, name: str, value: float) -> int:
    """A scalar that the highest int8 stands for."""
    return draft.int8_tensor(
        number, f"hard_swish/{name}", (), value / _HIGHEST, 0, values=np.array([_HIGHEST], np.int8)
    )
