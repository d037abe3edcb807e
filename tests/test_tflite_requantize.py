"""A rescaling becomes QUANTIZE, and nothing else does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tflite_models import EVERY_INT8, empty_model, run

from edgeswap.tflite.flatbuffer import changed, operators, read, write
from edgeswap.tflite.requantize import requantize
from edgeswap.tflite.rewriting import Draft, without_orphans

ALMOST_ONE = float(np.nextafter(np.float32(1), np.float32(0)))
OTHER = (0.013, -20)


def leaky(slope: float, target: tuple[float, int] = OTHER) -> bytes:
    draft = empty_model()
    subgraph = draft.subgraphs[0]
    x = draft.int8_tensor(0, "x", (1, 256), 0.01, 3)
    y = draft.int8_tensor(0, "y", (1, 256), *target)
    subgraph.operators.append(
        draft.operator(schema.BuiltinOperator.LEAKY_RELU, [x], y, 2, schema.LeakyReluOptionsT(alpha=slope))
    )
    subgraph.inputs, subgraph.outputs = [x], [y]
    return write(draft.model)


@pytest.mark.parametrize("target", [OTHER, (0.005, 3), (0.01, 3)])
def test_a_slope_of_one_is_a_rescaling(target: tuple[float, int]) -> None:
    before = leaky(ALMOST_ONE, target)
    after = requantize(before)
    assert operators(read(after)) == {"QUANTIZE": 1}
    apart = np.abs(run(before, EVERY_INT8).astype(int) - run(after, EVERY_INT8))
    assert apart.max() <= 1  # both round the same number, the one in 15 bits
    real = (EVERY_INT8.astype(np.float64) - 3) * 0.01
    expected = np.clip(np.round(real / target[0]) + target[1], -128, 127)
    assert np.abs(run(after, EVERY_INT8) - expected).max() <= 1


@pytest.mark.parametrize("slope", [0.999, 0.3, -1.0, 1.001])
def test_any_other_slope_keeps_every_byte(slope: float) -> None:
    data = leaky(slope)
    assert requantize(data) is data


def test_it_is_idempotent_and_leaves_no_orphan() -> None:
    once = requantize(leaky(ALMOST_ONE))
    assert requantize(once) is once
    assert len(without_orphans(read(once)).operatorCodes) == len(read(once).operatorCodes) == 1


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("fault", [{"type": schema.TensorType.INT16}, {"quantization": None}, {"channels": 2}])
def test_a_rescaling_of_other_numbers_than_int8_of_one_scale_keeps_every_byte(
    place: int, fault: dict[str, Any]
) -> None:
    draft = Draft(read(leaky(ALMOST_ONE)))
    tensors = draft.subgraphs[0].tensors
    if "channels" in fault:
        fault = {"quantization": schema.QuantizationParametersT(scale=[0.01, 0.02], zeroPoint=[0, 0])}
    tensors[place] = changed(tensors[place], **fault)
    data = write(draft.model)
    assert requantize(data) is data
