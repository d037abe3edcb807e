"""The tensor that a layer's output became is found by its name, also where operators were fused."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.layer_tensors import layer_tensors
from tests.tiny_tflite import Spec, write


def test_a_fused_activation_names_the_tensor(tmp_path):
    fused = "net/first_activation/Relu;net/first/BiasAdd"
    tensors = [Spec("image", (1, 4)), Spec(fused, (1, 4))]
    relu = (schema.BuiltinOperator.RELU, 1, 0, None, [0])
    data = write(tmp_path / "tiny.tflite", tensors, relu, [0], [1]).read_bytes()
    assert layer_tensors(data, ["first_activation", "second"]) == {"first_activation": fused}
