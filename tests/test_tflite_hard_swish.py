from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tflite_models import BUILTIN, EVERY_INT8, PLAIN, XNNPACK, converted, images, partitions, run, single, steps_apart

from edgeswap.activations.catalog import parse
from edgeswap.tflite.flatbuffer import operators, read, tensors
from edgeswap.tflite.full_integer import verify
from edgeswap.tflite.hard_swish import rewrite_hard_swish
from edgeswap.tflite.rewriting import without_orphans

KERNEL_ERROR_STEPS = 0.05  # fixed-point multipliers of 31 bits in ADD and MUL, gate and output together

hard_swish = parse("hard_swish")
Quantization = tuple[float, int]


def quantization(lowest: float, highest: float) -> Quantization:
    """Scale and zero point of a range that holds 0, as the converter chooses them."""
    scale = float(np.float32((highest - lowest) / 255))
    return scale, int(np.clip(round(-128 - lowest / scale), -128, 127))


def real_steps(source: Quantization, target: Quantization) -> npt.NDArray[np.float64]:
    """The float hard-swish of all 256 inputs, in steps of the output, not rounded."""
    real = (EVERY_INT8.astype(np.float64) - source[1]) * source[0]
    return np.asarray(hard_swish(real) / target[0] + target[1])


def stated_error_steps(source: Quantization, target: Quantization) -> float:
    """What the docstring of `rewrite_hard_swish` promises."""
    gate_top = min(1.0, source[0] * (127 - source[1]) / 6 + 0.5)
    return 0.5 + 1.5 * gate_top / 255 / target[0] + KERNEL_ERROR_STEPS


ranges = st.tuples(st.floats(-12.0, -0.01), st.floats(0.0, 12.0)).map(lambda ends: quantization(*ends))
any_quantization = st.tuples(st.floats(0.002, 0.1).map(lambda s: float(np.float32(s))), st.integers(-128, 127))


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(ranges, any_quantization)
@example(quantization(-10.43, 0.67), quantization(-0.375, 0.41))
@example(quantization(-3.0, 3.0), quantization(-0.375, 3.0))
@example((1 / 32, -128), (1 / 64, -128))  # x never below 0
@example((1 / 32, 127), (1 / 512, 127))  # x never above 0
def test_all_256_inputs_stay_within_the_stated_steps(source: Quantization, target: Quantization) -> None:
    data = rewrite_hard_swish(single(BUILTIN.HARD_SWISH, source, target))
    assert operators(read(data)) == {"MUL": 2, "ADD": 1}
    expected = np.clip(real_steps(source, target), -128, 127)
    for resolver in (XNNPACK, PLAIN):
        error = np.abs(run(data, EVERY_INT8, resolver) - expected)
        assert error.max() <= stated_error_steps(source, target)


@pytest.mark.parametrize("highest", [3.0, 4.0, 6.0, 10.0])
@pytest.mark.parametrize("lowest", [-1.0, -3.0, -8.0])
def test_where_the_output_range_is_3_or_wider_it_is_one_step_off_at_most(lowest: float, highest: float) -> None:
    source = quantization(lowest, highest)
    target = quantization(float(hard_swish(np.maximum(lowest, -1.5))), highest)
    data = rewrite_hard_swish(single(BUILTIN.HARD_SWISH, source, target))
    rounded = np.clip(np.round(real_steps(source, target)), -128, 127).astype(np.int8)
    difference = np.abs(run(data, EVERY_INT8).astype(int) - rounded)
    assert difference.max() <= 1
    assert difference.mean() < 0.3  # the gate adds half a step at most, so most values are the correctly rounded ones


@settings(max_examples=40, deadline=None)
@given(ranges)
def test_the_gate_is_closed_below_minus_3_and_open_above_3(source: Quantization) -> None:
    target = (source[0], source[1])  # x itself where the gate is open
    real = (EVERY_INT8.astype(np.float64) - source[1]) * source[0]
    outputs = run(rewrite_hard_swish(single(BUILTIN.HARD_SWISH, source, target)), EVERY_INT8)
    assert np.all(outputs[real <= -3] == target[1])
    np.testing.assert_array_equal(outputs[real >= 3], EVERY_INT8[real >= 3])


def test_the_whole_graph_becomes_one_xnnpack_partition() -> None:
    before = converted("hard_swish")
    assert partitions(before) > 1
    assert partitions(rewrite_hard_swish(before)) == 1


@pytest.mark.parametrize("resolver", [XNNPACK, PLAIN])
def test_a_converted_model_keeps_its_outputs_within_a_few_steps(resolver: Any) -> None:
    # Five activations in a row, each up to two steps off (their ranges are narrower than 3), and what each passes on.
    before = converted("hard_swish")
    after = rewrite_hard_swish(before)
    assert verify(after).is_full_integer
    one, other = run(before, images(100), resolver), run(after, images(100), resolver)
    assert np.unique(one).size > 50
    assert steps_apart(one, other) <= 10
    assert np.abs(one.astype(int) - other.astype(int)).mean() < 2


def test_the_constants_are_shared_and_the_output_keeps_its_name_and_range() -> None:
    before, after = tensors(read(converted("hard_swish"))), tensors(read(rewrite_hard_swish(converted("hard_swish"))))
    assert len([tensor for tensor in after if tensor.name in ("hard_swish/sixth", "hard_swish/half")]) == 2
    assert set(before) < set(after)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "form"),
    [("relu6", "int8"), ("swish", "int8"), ("elu", "int8"), ("hard_swish", "float32"), ("hard_swish", "float16")],
)
def test_a_model_without_int8_hard_swish_keeps_every_byte(kind: str, form: str) -> None:
    data = converted(kind, form)
    assert rewrite_hard_swish(data) is data


def test_rewriting_is_idempotent_and_leaves_no_orphan() -> None:
    once = rewrite_hard_swish(converted("hard_swish"))
    assert rewrite_hard_swish(once) is once
    assert "HARD_SWISH" not in operators(read(once))
    model = read(once)
    clean = without_orphans(model)
    assert len(clean.buffers) == len(model.buffers)
    assert len(clean.operatorCodes) == len(model.operatorCodes)
    assert tensors(clean) == tensors(model)
