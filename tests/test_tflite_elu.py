from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_models import (
    BUILTIN,
    EVERY_INT8,
    PLAIN,
    XNNPACK,
    converted,
    empty_model,
    images,
    int8_reference,
    island,
    partitions,
    rounded_half_away,
    rounded_half_even,
    run,
    saturated,
    single,
    steps_apart,
)

from edgeswap.activations.catalog import parse
from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.flatbuffer import operators, read, tensors, write
from edgeswap.tflite.full_integer import verify
from edgeswap.tflite.rewriting import without_orphans

elu = parse("elu")
scales = st.floats(0.002, 0.1).map(lambda scale: float(np.float32(scale)))
quantizations = st.tuples(scales, st.integers(-128, 127))
bounds = st.floats(-0.9, 8.0).map(lambda bound: float(np.float32(bound)))

FOLDED_EXACTLY = (
    "elu",
    "elu_twice",
    "elu_capped",
    "elu_alpha",
    "elu_alpha_capped",
    "elu_alpha_fake_quant",
)


@pytest.mark.slow
@pytest.mark.parametrize("resolver", [XNNPACK, PLAIN])
@pytest.mark.parametrize("kind", FOLDED_EXACTLY)
def test_a_converted_model_comes_out_full_integer_with_the_same_outputs(kind: str, resolver: Any) -> None:
    before = converted(kind)
    after = fold_elu(before)
    assert verify(before).float_tensors
    assert verify(after).is_full_integer
    outputs = run(before, images(100), resolver)
    assert np.unique(outputs).size > 50  # a saturated net would prove nothing
    np.testing.assert_array_equal(run(after, images(100), resolver), outputs)


@pytest.mark.parametrize("kind", FOLDED_EXACTLY)
def test_the_whole_graph_stays_in_one_xnnpack_partition(kind: str) -> None:
    assert partitions(fold_elu(converted(kind))) == 1


@pytest.mark.slow
def test_a_fake_quant_before_another_range_becomes_a_requantization() -> None:
    # ELU -> QUANTIZE [-1, 6] -> DEQUANTIZE -> QUANTIZE: the last two become one QUANTIZE from int8 to int8. It rounds
    # the same real number, by fixed-point instead of float arithmetic: at most one step an operator, and the network
    # carries a step on through its four activations.
    before = converted("elu_fake_quant")
    after = fold_elu(before)
    assert verify(after).is_full_integer
    assert operators(read(after))["ELU"] == 5
    assert steps_apart(run(before, images(100)), run(after, images(100))) <= 4


def test_each_elu_of_a_converted_model_is_within_a_step_of_numpy() -> None:
    # One step and not zero: exp in the kernel and in NumPy differ in the last float32 bit, which shows at a tie.
    data = fold_elu(converted("elu_capped"))
    interpreter = Interpreter(
        model_content=data, experimental_op_resolver_type=PLAIN, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images(1))
    interpreter.invoke()
    known = tensors(read(data))
    folded = [entry for entry in interpreter._get_ops_details() if entry["op_name"] == "ELU"]
    assert len(folded) == 5
    for entry in folded:
        source, target = int(entry["inputs"][0]), int(entry["outputs"][0])
        before, after = ((known[i].scales[0], known[i].zero_points[0]) for i in (source, target))
        expected = int8_reference(
            lambda x: np.minimum(elu(x), np.float32(1)), before, after, interpreter.get_tensor(source)
        )
        got = interpreter.get_tensor(target)
        assert steps_apart(got, saturated(rounded_half_even(expected))) <= 1


@settings(max_examples=60, deadline=None)
@given(quantizations, quantizations)
def test_the_xnnpack_kernel_rounds_half_to_even_after_adding_the_zero_point(
    source: tuple[float, int], target: tuple[float, int]
) -> None:
    got = run(single(BUILTIN.ELU, source, target), EVERY_INT8)
    expected = int8_reference(elu, source, target)
    # Equal but for values that NumPy's expm1 puts within float32's error of a tie.
    clear = np.abs(np.abs(expected - np.floor(expected)) - 0.5) > 1e-4
    np.testing.assert_array_equal(got[clear], saturated(rounded_half_even(expected))[clear])
    assert steps_apart(got, saturated(rounded_half_even(expected))) <= 1


@settings(max_examples=60, deadline=None)
@given(quantizations, quantizations)
def test_the_plain_kernel_is_within_a_step_of_half_away_from_zero(
    source: tuple[float, int], target: tuple[float, int]
) -> None:
    got = run(single(BUILTIN.ELU, source, target), EVERY_INT8, PLAIN)
    steps = rounded_half_away(int8_reference(elu, source, (target[0], 0))) + target[1]
    assert steps_apart(got, saturated(steps)) <= 1


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(quantizations, quantizations, bounds)
def test_a_cap_anywhere_in_the_range_keeps_the_island_s_outputs(
    source: tuple[float, int], target: tuple[float, int], bound: float
) -> None:
    before = island(source, target, (BUILTIN.ELU, None), (BUILTIN.MINIMUM, bound))
    after = fold_elu(before)
    assert verify(after).is_full_integer
    # The island multiplies and adds in another order: a value within float32's error of a tie may round the other way.
    steps = int8_reference(lambda x: np.minimum(elu(x), np.float32(bound)), source, target)
    clear = np.abs(np.abs(steps - np.floor(steps)) - 0.5) > 1e-4
    for resolver in (XNNPACK, PLAIN):
        outputs, folded = run(before, EVERY_INT8, resolver), run(after, EVERY_INT8, resolver)
        np.testing.assert_array_equal(outputs[clear], folded[clear])
        assert steps_apart(outputs, folded) <= 1


@pytest.mark.parametrize(
    ("clips", "expected"),
    [
        ([(BUILTIN.RELU6, None)], {"ELU": 1, "MAXIMUM": 1}),
        ([(BUILTIN.RELU_N1_TO_1, None)], {"ELU": 1, "MINIMUM": 1}),
        ([(BUILTIN.MINIMUM, 2.0), (BUILTIN.MAXIMUM, -0.5)], {"ELU": 1, "MAXIMUM": 1, "MINIMUM": 1}),
        ([(BUILTIN.MINIMUM, 6.0)], {"ELU": 1}),
        # No value is within both, so that the last one wins: all are 2, or 1.
        ([(BUILTIN.MINIMUM, 1.0), (BUILTIN.MAXIMUM, 2.0)], {"ELU": 1, "MAXIMUM": 1, "MINIMUM": 1}),
        ([(BUILTIN.MAXIMUM, 2.0), (BUILTIN.MINIMUM, 1.0)], {"ELU": 1, "MAXIMUM": 1, "MINIMUM": 1}),
        ([(BUILTIN.RELU_N1_TO_1, None), (BUILTIN.MAXIMUM, 2.0)], {"ELU": 1, "MAXIMUM": 1, "MINIMUM": 1}),
        ([], {"ELU": 1}),
    ],
)
def test_a_clip_becomes_an_int8_clip_only_where_the_range_goes_beyond_it(clips: Any, expected: dict[str, int]) -> None:
    source, target = (0.0433, 3), (7 / 255, -92)  # the range [-1, 6]; no input lies on a tie
    before = island(source, target, (BUILTIN.ELU, None), *clips)
    after = fold_elu(before)
    assert operators(read(after)) == expected
    np.testing.assert_array_equal(run(before, EVERY_INT8), run(after, EVERY_INT8))


def test_the_folded_tensor_takes_the_layer_s_name() -> None:
    names = [tensor.name for tensor in tensors(read(fold_elu(converted("elu"))))]
    assert "net/act1/Elu" in names
    assert not [name for name in names if name.startswith("tfl.quantize")]
    assert "StatefulPartitionedCall:0" in names  # the model's output keeps its own


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["relu6", "hard_swish", "swish"])
def test_a_model_without_elu_keeps_every_byte(kind: str) -> None:
    data = converted(kind)
    assert fold_elu(data) is data


@pytest.mark.slow
@pytest.mark.parametrize("form", ["float32", "float16", "dynamic_range"])
def test_an_elu_in_a_float_model_is_left_alone(form: str) -> None:
    data = converted("elu", form)
    assert fold_elu(data) is data


def test_an_island_with_an_unknown_operator_is_left_alone() -> None:
    data = island((0.05, 0), (0.05, 0), (BUILTIN.ELU, None), (BUILTIN.COS, None))
    assert fold_elu(data) is data


@pytest.mark.slow
def test_float_outputs_stay_float_and_all_else_is_folded() -> None:
    before = converted("elu", "float_io")
    after = fold_elu(before)
    assert verify(after).output_dtypes == ("FLOAT32",)
    assert operators(read(after))["ELU"] == 5
    inputs = np.random.default_rng(3).uniform(-3, 3, (20, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(run(before, inputs), run(after, inputs))


@pytest.mark.parametrize("kind", [*FOLDED_EXACTLY, "elu_fake_quant"])
def test_folding_is_idempotent_and_leaves_no_orphan(kind: str) -> None:
    once = fold_elu(converted(kind))
    assert fold_elu(once) is once
    model = read(once)
    clean = without_orphans(model)
    assert len(clean.buffers) == len(model.buffers)
    assert len(clean.operatorCodes) == len(model.operatorCodes)
    assert len(clean.subgraphs[0].tensors) == len(model.subgraphs[0].tensors)


def capped(bound: int, *, other_scale: bool = False, read_twice: bool = False) -> bytes:
    """ELU, then an int8 MINIMUM with `bound`."""
    draft = empty_model()
    subgraph = draft.subgraphs[0]
    x = draft.int8_tensor(0, "x", (1, 256), 0.05, 0)
    uncapped = draft.int8_tensor(0, "uncapped", (1, 256), 0.02, -92)
    constant = draft.int8_tensor(0, "bound", (), 0.02, -92, values=np.array([bound], np.int8))
    y = draft.int8_tensor(0, "y", (1, 256), 0.04 if other_scale else 0.02, -92)
    subgraph.operators.append(draft.operator(BUILTIN.ELU, [x], uncapped))
    subgraph.operators.append(draft.operator(BUILTIN.MINIMUM, [uncapped, constant], y, 2))
    subgraph.inputs, subgraph.outputs = [x], [y, uncapped] if read_twice else [y]
    return write(draft.model)


def test_an_int8_cap_at_the_end_of_the_range_is_taken_out() -> None:
    before = capped(127)
    after = fold_elu(before)
    assert operators(read(after)) == {"ELU": 1}
    assert [tensor.name for tensor in tensors(read(after))] == ["x", "y"]
    np.testing.assert_array_equal(run(before, EVERY_INT8), run(after, EVERY_INT8))


@pytest.mark.parametrize(
    "data", [capped(126), capped(127, other_scale=True), capped(127, read_twice=True)], ids=["126", "scale", "read"]
)
def test_an_int8_cap_that_changes_a_value_or_is_needed_beside_it_stays(data: bytes) -> None:
    assert fold_elu(data) is data
