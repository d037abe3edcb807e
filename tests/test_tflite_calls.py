"""Operators of a .tflite file, as tables see them. What each option makes of a verdict is in test_tflite_check.py."""

from __future__ import annotations

from edgeswap.tflite.calls import calls
from edgeswap.tflite.flatbuffer import operators, read, write
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
