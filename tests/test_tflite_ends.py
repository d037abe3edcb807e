"""uint8 and float32 ends around an int8 model: what is inside computes the same, and the gate knows the ends alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from deploy import benchmark
from edgeswap.errors import ModelError, VerificationError
from edgeswap.records import Io
from edgeswap.tflite.ends import ends, with_ends
from edgeswap.tflite.flatbuffer import changed, operators, read, tensors, write
from edgeswap.tflite.full_integer import require_full_integer, verify
from edgeswap.tflite.interface import inner_scales, interface
from edgeswap.tflite.kind import kind_of
from edgeswap.tflite.record import candidate_file
from edgeswap.tflite.rewriting import Draft
from tests import tiny_tflite
from tests.app_bundle import adder, lookup, pointwise, remembering, split
from tests.tflite_models import BUILTIN, EVERY_INT8, PLAIN, XNNPACK, island, run, single

OTHER: tuple[Io, ...] = ("uint8", "float32")
SHARED = ("adder", "split", "lookup", "remembering")
MAKE = {"adder": adder, "split": split, "lookup": lookup, "remembering": remembering}


def answers(data: bytes, steps: list[np.ndarray], io: Io) -> list[np.ndarray]:
    """Outputs as int8 steps for int8 steps, through ends of `io`, as an app maps them."""
    int8 = read(data)
    model = with_ends(data, io)
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    known, graph = tensors(int8), int8.subgraphs[0]
    for detail, index, given in zip(interpreter.get_input_details(), graph.inputs, steps, strict=True):
        tensor, values = known[index], given
        if tensor.dtype == "INT8" and io == "uint8":
            values = (given.astype(int) + 128).astype(np.uint8)
        elif tensor.dtype == "INT8" and io == "float32":
            values = (given.astype(np.float32) - tensor.zero_points[0]) * np.float32(tensor.scales[0])
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    found = []
    for detail, index in zip(interpreter.get_output_details(), graph.outputs, strict=True):
        got, tensor = interpreter.get_tensor(detail["index"]), known[index]
        if io == "uint8":
            got = (got.astype(int) - 128).astype(np.int8)
        elif io == "float32":
            real = got / np.float32(tensor.scales[0]) + np.float32(tensor.zero_points[0])
            np.testing.assert_allclose(real, np.rint(real), atol=1e-3)  # nothing but int8 steps comes out
            got = np.rint(real).astype(np.int8)
        found.append(got)
    return found


@pytest.mark.parametrize("kind", SHARED)
def test_outputs_are_those_of_int8_to_the_bit(tmp_path: Path, kind: str) -> None:
    data = MAKE[kind](tmp_path).read_bytes()
    generator = np.random.default_rng(0)
    model = read(data)
    given = []
    for index in model.subgraphs[0].inputs:
        tensor = tensors(model)[index]
        limits, dtype = ((-128, 128), np.int8) if tensor.dtype == "INT8" else ((0, 7), np.int32)
        given.append(generator.integers(*limits, tensor.shape).astype(dtype))
    expected = answers(data, given, "int8")
    for io in OTHER:
        for got, wanted in zip(answers(data, given, io), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("resolver", [XNNPACK, PLAIN])
def test_every_value_passes_both_ends_under_both_sets_of_kernels(resolver: object) -> None:
    data = single(BUILTIN.LOGISTIC, (0.05, 3), (1 / 256, -128))
    expected = run(data, EVERY_INT8, resolver)
    pixels = (EVERY_INT8.astype(int) + 128).astype(np.uint8)
    np.testing.assert_array_equal(run(with_ends(data, "uint8"), pixels, resolver), expected.astype(int) + 128)
    real = (EVERY_INT8.astype(np.float32) - 3) * np.float32(0.05)
    got = run(with_ends(data, "float32"), real, resolver)
    np.testing.assert_array_equal(got, (expected.astype(np.float32) + 128) * np.float32(1 / 256))


@pytest.mark.parametrize("io", OTHER)
def test_names_stay_and_nothing_is_added_but_the_ends(tmp_path: Path, io: Io) -> None:
    data = adder(tmp_path).read_bytes()
    made = with_ends(data, io)
    assert with_ends(data, "int8") == data
    assert list(interface(made).inputs) == ["left", "right"]
    assert interface(made).precision == "int8"
    last = {"QUANTIZE": 3} if io == "uint8" else {"QUANTIZE": 2, "DEQUANTIZE": 1}
    assert operators(read(made)) == {"ADD": 1, **last}
    assert kind_of(read(made)) == f"int8 with {io} ends"
    assert inner_scales(made) == ({} if io == "uint8" else {"sum": 0.0625})
    found = candidate_file("m.tflite", made, None)
    assert (found.io, found.float_tensors, found.float_operators) == (io, 0, [])


@pytest.mark.parametrize("io", OTHER)
def test_the_gate_takes_its_own_ends_alone(tmp_path: Path, io: Io) -> None:
    made = with_ends(pointwise(tmp_path, BUILTIN.LOGISTIC, (1, 4)).read_bytes(), io)
    require_full_integer(made, io=io)
    for asked in {"int8", *OTHER} - {io}:
        with pytest.raises(VerificationError, match=rf"\({asked} in, {asked} out"):
            require_full_integer(made, io=asked)


def test_a_float_island_between_float_ends_is_still_found() -> None:
    made = with_ends(island((0.05, 0), (0.05, 0), (BUILTIN.ELU, None)), "float32")
    verdict = verify(made)
    assert (verdict.io, len(verdict.float_tensors), len(verdict.float_inside)) == (None, 4, 2)
    with pytest.raises(VerificationError, match="got 2 float tensors: ELU"):
        require_full_integer(made, io="float32")


def test_an_input_that_an_operator_also_reads_as_float_is_no_end() -> None:
    draft = Draft(read(with_ends(island((0.05, 0), (0.05, 0), (BUILTIN.ELU, None)), "float32")))
    graph = draft.subgraphs[0]
    (number,) = (n for n, one in enumerate(graph.operators) if len(tensors(draft.model)[one.inputs[0]].scales) == 0
                 and tensors(draft.model)[one.outputs[0]].dtype == "FLOAT32")  # fmt: skip
    graph.operators[number] = changed(graph.operators[number], inputs=list(graph.inputs))
    assert ends(read(write(draft.model))).inputs == {}


def test_outputs_that_are_not_int8_are_refused(tmp_path: Path) -> None:
    float_model = tiny_tflite.adder(tmp_path / "float.tflite", 3).read_bytes()
    with pytest.raises(ModelError, match="Expected int8 outputs of one scale each, got FLOAT32 for 'logits'"):
        with_ends(float_model, "uint8")


@pytest.mark.parametrize("io", OTHER)
def test_the_device_script_calls_it_int8_with_its_ends(tmp_path: Path, io: Io, capsys: pytest.CaptureFixture) -> None:
    weights = np.eye(4)
    plain = tiny_tflite.classifier(tmp_path / "int8.tflite", weights, (2, 2, 1), scale=1 / 255)
    other = tmp_path / "other.tflite"
    other.write_bytes(with_ends(plain.read_bytes(), io))
    np.savez(tmp_path / "data.npz", x=np.arange(40, dtype=np.uint8).reshape(10, 2, 2, 1))
    options = [
        "--data",
        str(tmp_path / "data.npz"),
        "--preprocess",
        "unit",
        "--no-load",
        "--runs",
        "2",
        "--warm-up",
        "0",
    ]
    arguments = benchmark.parse([str(plain), str(other), *options, "--workers", "1"])
    result = benchmark.run(arguments)
    benchmark.tell(result, arguments)
    assert f"int8, {io} ends" in capsys.readouterr().out
    assert [model["kind"] for model in result["models"]] == ["int8", "int8"]
    assert result["models"][1]["accuracy"]["agreement"] == 1.0
