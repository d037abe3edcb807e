"""Operators of a .tflite file, as tables see them. What each option makes of a verdict is in test_tflite_check.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.calls import calls
from edgeswap.tflite.flatbuffer import changed, operators, read, write
from tests.tflite_models import BUILTIN, converted, empty_model


def test_every_operator_is_there_in_order_with_its_layer():
    model = read(converted("swish"))
    found = calls(model)
    assert len(found) == sum(operators(model).values())
    assert [call.operation.name for call in found][:3] == ["LOGISTIC", "MUL", "CONV_2D"]
    convolution = found[2]
    assert convolution.layer == "conv1"
    assert convolution.operation.inputs == ((1, 8, 8, 3),)  # weights and bias are constant
    assert convolution.operation.outputs == ((1, 8, 8, 16),)
    assert convolution.operation.options["dilation"] == (1, 1)
    assert convolution.dtypes == ("INT8",)
    assert not any(call.float_tensors for call in found)


@pytest.mark.slow
def test_float_tensors_are_named_where_they_are_read_or_written():
    found = [call for call in calls(read(converted("elu"))) if call.float_tensors]
    assert {call.operation.name for call in found} == {"DEQUANTIZE", "ELU", "QUANTIZE"}
    assert all(call.dtypes == ("INT8",) for call in found if call.operation.name == "QUANTIZE")


def test_a_layer_is_looked_for_among_the_names_that_are_given():
    found = calls(read(converted("relu6")), ["depthwise", "logits"])
    assert [call.layer for call in found if call.operation.name == "DEPTHWISE_CONV_2D"] == ["depthwise"]
    assert "conv1" not in {call.layer for call in found}


def test_operators_of_every_subgraph_are_there():
    draft = empty_model()
    x = draft.int8_tensor(0, "x", (1, 4), 0.1, 0)
    y = draft.int8_tensor(0, "net/act/Relu", (1, 4), 0.1, 0)
    subgraph = draft.subgraphs[0]
    subgraph.inputs, subgraph.outputs = [x], [y]
    subgraph.operators.append(draft.operator(BUILTIN.RELU, [x], y))
    model = read(write(draft.model))
    model.subgraphs = [model.subgraphs[0], model.subgraphs[0]]
    assert [(call.operation.name, call.written, call.layer) for call in calls(model)] == 2 * [
        ("RELU", ("net/act/Relu",), "act")
    ]


def test_the_layer_before_is_not_the_layer_of_what_bears_none():
    draft = empty_model()
    x = draft.int8_tensor(0, "x", (1, 4), 0.1, 0)
    kernel = draft.int8_tensor(0, "net/logits/MatMul", (3, 4), 0.1, 0, values=np.ones((3, 4), np.int8))
    hidden = draft.int8_tensor(0, "Identity_1", (1, 3), 0.1, 0)
    y = draft.int8_tensor(0, "Identity", (1, 3), 1 / 256, -128)
    subgraph = draft.subgraphs[0]
    subgraph.inputs, subgraph.outputs = [x], [y]
    subgraph.operators.append(draft.operator(BUILTIN.FULLY_CONNECTED, [x, kernel, -1], hidden))
    subgraph.operators.append(draft.operator(BUILTIN.SOFTMAX, [hidden], y))
    model = read(write(draft.model))
    assert [call.layer for call in calls(model)] == ["logits", None]
    assert [call.layer for call in calls(model, ["net", "logits"])] == ["logits", None]


ACTIVATION = schema.ActivationFunctionType
AXES = np.array([-1, 1], np.int32)


def one_operator(builtin: int, options: Any = None, *constants: Any) -> dict[str, Any]:
    """The options of an operator that reads one tensor of shape (1, 2, 3, 4) and constants, int8 or int32."""
    draft = empty_model()
    subgraph = draft.subgraphs[0]
    x = draft.int8_tensor(0, "x", (1, 2, 3, 4), 0.1, 7)
    y = draft.int8_tensor(0, "y", (1, 4), 0.1, 7)
    inputs = [x]
    for number, values in enumerate(constants):
        if values is None:
            inputs.append(draft.int8_tensor(0, f"tensor{number}", (4,), 0.1, 7))
            continue
        numbers = np.asarray(values)
        inputs.append(draft.int8_tensor(0, f"constant{number}", numbers.shape, 0.1, 7, values=numbers.view(np.int8)))
        if numbers.dtype != np.int8:
            kind = getattr(schema.TensorType, numbers.dtype.name.upper())
            subgraph.tensors[-1] = changed(subgraph.tensors[-1], type=kind, quantization=None)
    subgraph.inputs, subgraph.outputs = [x], [y]
    subgraph.operators.append(draft.operator(builtin, inputs, y, options=options))
    (call,) = calls(read(write(draft.model)))
    return call.operation.options


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((BUILTIN.ADD, schema.AddOptionsT(), None), {}),
        ((BUILTIN.ADD, schema.AddOptionsT(fusedActivationFunction=ACTIVATION.RELU6), None), {"fused": "RELU6"}),
        ((BUILTIN.CONV_2D, schema.Conv2DOptionsT(dilationHFactor=2, dilationWFactor=3), None), {"dilation": (2, 3)}),
        ((BUILTIN.MEAN, None, AXES), {"axes": (3, 1)}),
        ((BUILTIN.MEAN, None, AXES.astype(np.int64)), {"axes": (3, 1)}),
        ((BUILTIN.MEAN, None, AXES.astype(np.float32)), {}),
        ((BUILTIN.MEAN, None, None), {}),
        ((BUILTIN.PAD, None, np.array([[0, 0], [1, 2]], np.int32)), {"padding": ((0, 0), (1, 2))}),
        ((BUILTIN.PAD, None, np.array([0, 0, 1], np.int32)), {}),
        ((BUILTIN.PRELU, None, np.ones((1, 1, 4), np.int8)), {"slope_shape": (1, 1, 4)}),
        ((BUILTIN.PRELU, None, None), {}),
        ((BUILTIN.ADD, None, np.ones((1, 1, 4), np.int8)), {}),
        (
            (BUILTIN.STRIDED_SLICE, schema.StridedSliceOptionsT(), AXES, AXES, np.array([1, 2], np.int32)),
            {"strides": (1, 2), "ellipsis_or_new_axis": False},
        ),
        (
            (BUILTIN.STRIDED_SLICE, schema.StridedSliceOptionsT(newAxisMask=1), AXES, AXES, None),
            {"strides": (), "ellipsis_or_new_axis": True},
        ),
        ((BUILTIN.CONCATENATION, None, None), {}),
        (
            (BUILTIN.CONCATENATION, None, np.full(4, 7, np.int8)),
            {"constant_inputs": 1, "constants_are_zero": True},
        ),
        (
            (BUILTIN.CONCATENATION, None, np.full(4, 7, np.int8), np.zeros(4, np.int8)),
            {"constant_inputs": 2, "constants_are_zero": False},  # 7 is the zero point
        ),
    ],
)
def test_options_are_those_that_tables_ask_for(arguments: tuple[Any, ...], expected: dict[str, Any]) -> None:
    assert one_operator(*arguments) == expected


def test_a_constant_is_no_input() -> None:
    draft = empty_model()
    x, y = (draft.int8_tensor(0, name, (1, 4), 0.1, 0) for name in "xy")
    constant = draft.int8_tensor(0, "c", (4,), 0.1, 0, values=np.ones(4, np.int8))
    draft.subgraphs[0].operators.append(draft.operator(BUILTIN.ADD, [x, constant, -1], y))
    (call,) = calls(draft.model)
    assert call.operation.inputs == ((1, 4),)
