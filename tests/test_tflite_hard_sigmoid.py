from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_models import BUILTIN, EVERY_INT8, PLAIN, XNNPACK, empty_model, run

from edgeswap.tflite.flatbuffer import indices, read, tensors, write
from edgeswap.tflite.hard_sigmoid import fit_hard_sigmoid

RELU6 = schema.ActivationFunctionType.RELU6
KERNEL_ERROR_STEPS = 0.05  # fixed-point multipliers of 31 bits in ADD

Quantization = tuple[float, int]
scales = st.floats(0.002, 0.1).map(lambda scale: float(np.float32(scale)))
gate_tops = st.floats(0.05, 1.0)


def hard_sigmoid(
    source: Quantization, total: Quantization, gate: Quantization, *, factor: float = 1 / 6, fused: int = RELU6
) -> bytes:
    """relu6(x + 3) * (1/6) of 256 values, as the converter writes it."""
    draft = empty_model()
    x = draft.int8_tensor(0, "x", (1, 256), *source)
    three = draft.int8_tensor(0, "three", (), 3 / 127, 0, values=np.array([127], np.int8))
    sixth = draft.int8_tensor(0, "sixth", (), abs(factor) / 127, 0, values=np.array([np.sign(factor) * 127], np.int8))
    a = draft.int8_tensor(0, "act/Relu6;act/add", (1, 256), *total)
    y = draft.int8_tensor(0, "act/mul", (1, 256), *gate)
    add, mul = schema.AddOptionsT(), schema.MulOptionsT()
    add.fusedActivationFunction = fused
    subgraph = draft.subgraphs[0]
    subgraph.inputs, subgraph.outputs = [x], [y]
    subgraph.operators += [
        draft.operator(BUILTIN.ADD, [x, three], a, 2, add),
        draft.operator(BUILTIN.MUL, [a, sixth], y, 2, mul),
    ]
    return write(draft.model)


def wanted_steps(source: Quantization, gate: Quantization) -> npt.NDArray[np.float64]:
    real = (EVERY_INT8.astype(np.float64) - source[1]) * source[0]
    return np.clip(np.clip(real / 6 + 0.5, 0, 1) / gate[0] + gate[1], -128, 127)


@settings(max_examples=40, deadline=None)
@given(scales, st.integers(-128, 127), gate_tops, scales)
def test_whatever_range_the_sum_had_all_256_inputs_are_rounded_once(
    scale: float, zero_point: int, top: float, calibrated: float
) -> None:
    source, gate = (scale, zero_point), (float(np.float32(top / 255)), -128)
    data = fit_hard_sigmoid(hard_sigmoid(source, (calibrated, -128), gate))
    for resolver in (XNNPACK, PLAIN):
        error = np.abs(run(data, EVERY_INT8, resolver) - wanted_steps(source, gate))
        assert error.max() <= 0.5 + KERNEL_ERROR_STEPS


def test_a_sum_that_saturated_at_what_one_sample_reached_does_not_any_more() -> None:
    source, total, gate = (0.05, 0), (3.5 / 255, -128), (1 / 255, -128)
    before = hard_sigmoid(source, total, gate)
    wanted = wanted_steps(source, gate)
    assert np.abs(run(before, EVERY_INT8) - wanted).max() > 100  # 3.5 of 6
    assert np.abs(run(fit_hard_sigmoid(before), EVERY_INT8) - wanted).max() <= 0.5 + KERNEL_ERROR_STEPS
    seen = {tensor.name: tensor for tensor in tensors(read(fit_hard_sigmoid(before)))}
    assert seen["act/Relu6;act/add"].scales[0] == pytest.approx(6 / 255)


def test_what_is_so_already_stays_the_same_file() -> None:
    once = fit_hard_sigmoid(hard_sigmoid((0.05, 0), (0.01, -128), (1 / 255, -128)))
    assert fit_hard_sigmoid(once) is once


@pytest.mark.parametrize(
    "changed",
    [{"factor": -1 / 6}, {"fused": schema.ActivationFunctionType.NONE}, {"fused": schema.ActivationFunctionType.RELU}],
)
def test_any_other_sum_keeps_its_range(changed: dict[str, Any]) -> None:
    data = hard_sigmoid((0.05, 0), (0.01, -128), (1 / 255, -128), **changed)
    assert fit_hard_sigmoid(data) is data


def test_a_sum_that_something_else_reads_keeps_its_range() -> None:
    model = read(hard_sigmoid((0.05, 0), (0.01, -128), (1 / 255, -128)))
    subgraph = model.subgraphs[0]
    (total,) = indices(subgraph.operators[0].outputs)
    draft = empty_model()
    for name in ("buffers", "codes"):
        getattr(draft, name)[:] = getattr(model, "operatorCodes" if name == "codes" else name)
    draft.subgraphs[0].tensors = list(subgraph.tensors)
    draft.subgraphs[0].operators = list(subgraph.operators)
    draft.subgraphs[0].inputs = indices(subgraph.inputs)
    draft.subgraphs[0].outputs = [*indices(subgraph.outputs), total]
    data = write(draft.model)
    assert fit_hard_sigmoid(data) is data
