"""What a .tflite gives as a task sees it, also where an operator says nothing of what it reads."""

from __future__ import annotations

from copy import copy
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import read, write
from edgeswap.tflite.signature import maker, signature
from tests.tiny_tflite import classifier

BUILTIN = schema.BuiltinOperator


def ended_by(folder: Path, operator: int, inputs: list[int] | None = None) -> bytes:
    """A model whose last operator is this one; `inputs` in place of those that it reads."""
    path = folder / "model.tflite"
    classifier(path, np.ones((3, 16)), (4, 4, 1))
    model = read(path.read_bytes())
    (last,) = model.subgraphs[0].operators
    code = model.operatorCodes[last.opcodeIndex]
    code.builtinCode = code.deprecatedBuiltinCode = operator
    last.builtinOptions, last.builtinOptionsType = None, 0
    last.inputs = np.array(last.inputs if inputs is None else inputs, np.int32)
    return write(model)


@pytest.mark.parametrize(
    ("operator", "head"), [(BUILTIN.SOFTMAX, "softmax"), (BUILTIN.LOGISTIC, "sigmoid"), (BUILTIN.ADD, "linear")]
)
def test_the_last_operator_is_the_head(tmp_path: Path, operator: int, head: str) -> None:
    (output,) = signature(ended_by(tmp_path, operator)).outputs
    assert (output.shape, output.head) == ((3,), head)


@pytest.mark.parametrize("inputs", [[], [-1]])
def test_an_operator_that_hands_on_nothing_is_no_head(tmp_path: Path, inputs: list[int]) -> None:
    data = ended_by(tmp_path, BUILTIN.RESHAPE, inputs)
    model = read(data)
    assert signature(data).outputs[0].head == "linear"
    assert maker(model, int(model.subgraphs[0].outputs[0])) is None


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (["kind_activation"], [("kind", ("kind_activation",))]),
        (["kind", "veh_activation_"], [("kind", ()), ("veh", ("veh_activation_",))]),
        (["kind", "kind_activation"], [("kind", ()), ("kind_activation", ())]),
        (["_activation", "activation_5"], [("_activation", ()), ("activation_5", ())]),
    ],
)
def test_outputs_are_called_as_the_layers_of_their_author(
    tmp_path: Path, names: list[str], called: list[tuple[str, tuple[str, ...]]]
) -> None:
    path = tmp_path / "model.tflite"
    classifier(path, np.ones((3, 16)), (4, 4, 1))
    model = read(path.read_bytes())
    graph = model.subgraphs[0]
    graph.outputs = np.arange(len(graph.tensors), len(graph.tensors) + len(names), dtype=np.int32)
    for name in names:
        made = copy(graph.tensors[0])
        made.name, made.shape = name.encode(), np.array([1, 3], np.int32)
        graph.tensors.append(made)
    assert [(output.name, output.also) for output in signature(write(model)).outputs] == called
