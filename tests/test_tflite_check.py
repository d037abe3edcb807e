"""`edgeswap check` of .tflite files: really converted ones, and single operators written directly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from rich.console import Console
from tflite_models import BUILTIN, converted, float_model, island, single
from tiny_tflite import classifier, remembering, streaming

from edgeswap.cli.main import run
from edgeswap.compatibility.findings import Finding, TargetCheck
from edgeswap.compatibility.tflite_findings import check, check_everywhere
from edgeswap.errors import ModelError
from edgeswap.report import checked as rendering
from edgeswap.targets.names import backend_of
from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.flatbuffer import builtin_code, changed, read, write
from edgeswap.tflite.hard_swish import rewrite_hard_swish
from edgeswap.tflite.kind import kind_of
from edgeswap.tflite.rewriting import Draft

HOST, CORAL, MOBILE = backend_of("host"), backend_of("coral"), backend_of("mobile")
SCALE = (0.05, 0)


def of(result: TargetCheck, severity: str) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity == severity]


def with_version(data: bytes, builtin: int, version: int) -> bytes:
    """The file with one operator at another version."""
    model = read(data)
    codes = [changed(code, version=version) if builtin_code(code) == builtin else code for code in model.operatorCodes]
    return write(changed(model, operatorCodes=codes))


@pytest.mark.slow
@pytest.mark.parametrize("where", [HOST, MOBILE, CORAL])
@pytest.mark.parametrize("kind", ["relu6", "swish"])
def test_a_full_integer_model_of_plain_operators_passes_everywhere(kind: str, where: Any) -> None:
    result = check(converted(kind), where, layer_names=[layer.name for layer in float_model(kind).layers])
    assert result.passed
    assert result.leaves_at is None


@pytest.mark.slow
def test_an_elu_island_blocks_until_it_is_folded_and_still_does_on_the_edge_tpu() -> None:
    names = [layer.name for layer in float_model("elu").layers]
    before = check(converted("elu"), HOST, layer_names=names)
    finding, last = of(before, "blocks")
    assert finding.what == last.what == "float ELU"
    assert {"act_in", "act1", "act2"} <= {*finding.layers}
    assert (last.layers, last.tensors) == ([], ["StatefulPartitionedCall:01"])  # as the converter calls an output
    assert "edgeswap export --int8" in finding.instead
    folded = fold_elu(converted("elu"))
    assert check(folded, HOST, layer_names=names).findings == []
    on_coral = check(folded, CORAL, layer_names=names)
    assert [finding.what for finding in of(on_coral, "blocks")] == ["ELU"]
    assert on_coral.leaves_at == "act_in (ELU)"


@pytest.mark.slow
def test_hard_swish_costs_on_a_cpu_and_blocks_on_the_edge_tpu_until_it_is_rewritten() -> None:
    data = converted("hard_swish")
    assert [finding.what for finding in of(check(data, HOST), "costs")] == ["HARD_SWISH"]
    assert [finding.what for finding in of(check(data, CORAL), "blocks")] == ["HARD_SWISH"]
    for where in (HOST, CORAL):
        rewritten = check(rewrite_hard_swish(data), where)
        assert not [finding for finding in rewritten.findings if "HARD_SWISH" in finding.operators]
        assert rewritten.passed
        assert rewritten.leaves_at is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "kind", "blocking"),
    [
        ("int8", "int8", []),
        ("float_io", "int8 with float32 ends", []),
        ("dynamic_range", "dynamic range", ["a dynamic range model"]),
        ("float32", "float32", ["a float32 model"]),
        ("float16", "float16", ["a float16 model"]),
    ],
)
def test_a_file_is_of_one_kind_and_a_float_one_is_said_once(form: str, kind: str, blocking: list[str]) -> None:
    data = converted("relu6", form)
    assert kind_of(read(data)) == kind
    assert [finding.what for finding in of(check(data, HOST), "blocks")] == blocking
    assert check(data, HOST).passed is not bool(blocking)


def with_uint8_ends(data: bytes) -> bytes:
    """The file with a QUANTIZE from uint8 in front and one to uint8 behind, as converters write it."""
    draft = Draft(read(data))
    subgraph = draft.subgraphs[0]
    for side in ("inputs", "outputs"):
        (inner,) = map(int, getattr(subgraph, side))
        tensor = subgraph.tensors[inner]
        scale = schema.QuantizationParametersT(
            scale=list(tensor.quantization.scale), zeroPoint=[int(tensor.quantization.zeroPoint[0]) + 128]
        )
        subgraph.tensors.append(changed(tensor, name=f"uint8 {side}", type=schema.TensorType.UINT8, quantization=scale))
        end = len(subgraph.tensors) - 1
        source, target = (end, inner) if side == "inputs" else (inner, end)
        node = draft.operator(BUILTIN.QUANTIZE, [source], target, 2)
        subgraph.operators.insert(0 if side == "inputs" else len(subgraph.operators), node)
        setattr(subgraph, side, [end])
    return write(draft.model)


def test_uint8_ends_are_a_note_where_the_delegate_does_not_take_them() -> None:
    data = with_uint8_ends(converted("relu6"))
    assert kind_of(read(data)) == "int8 with uint8 ends"
    for where in (HOST, MOBILE):
        (found,) = (finding for finding in check(data, where).findings if finding.what == "QUANTIZE")
        others = [finding for finding in check(data, where).findings if finding != found]
        assert others == check(converted("relu6"), where).findings
        assert found.why == "XNNPACK has no QUANTIZE between uint8 and int8. It runs outside the delegate."
        assert (found.severity, found.what, found.layers, len(found.tensors)) == ("note", "QUANTIZE", [], 2)
        assert found.instead == "Export it with --io int8 or float32."
    assert check(data, CORAL).findings == check(converted("relu6"), CORAL).findings


def test_a_state_in_a_resource_is_no_float_and_no_blocker(tmp_path: Path) -> None:
    data = streaming(tmp_path / "s.tflite", 4).read_bytes()  # in float, so that the one finding is about that
    assert [finding.what for finding in check(data, HOST).findings] == ["a float32 model"]
    as_int8 = Draft(read(data))
    for subgraph in as_int8.subgraphs:
        for index, tensor in enumerate(subgraph.tensors):
            if tensor.type == schema.TensorType.FLOAT32:
                subgraph.tensors[index] = changed(tensor, type=schema.TensorType.INT8)
                if as_int8.buffers[tensor.buffer].data is not None:
                    as_int8.buffers[tensor.buffer] = schema.BufferT(data=np.ones(4, np.uint8))
    result = check(write(as_int8.model), HOST)
    assert result.passed
    assert not [finding for finding in result.findings if "RESOURCE" in finding.why]


def test_an_operator_with_a_state_that_notes_scales_in_empty_tensors_is_int8(tmp_path: Path) -> None:
    draft = Draft(read(remembering(tmp_path / "r.tflite", 4).read_bytes()))
    subgraph = draft.subgraphs[0]
    subgraph.tensors.append(schema.TensorT(name="input_to_cell_intermediate", shape=[0], type=0, buffer=0))
    subgraph.operators[0] = changed(subgraph.operators[0], intermediates=[len(subgraph.tensors) - 1])
    data = write(draft.model)
    assert kind_of(read(data)) == "int8"
    assert check(data, HOST).passed


def test_an_island_in_the_middle_is_named_by_its_operator_and_not_by_its_borders() -> None:
    result = check(island(SCALE, SCALE, (BUILTIN.COS, None)), HOST)
    (finding,) = of(result, "blocks")
    assert (finding.what, finding.layers) == ("float COS", ["act0"])


def test_operator_versions_that_the_edge_tpu_compiler_refuses() -> None:
    data = converted("relu6")
    assert check(with_version(data, BUILTIN.CONV_2D, 5), CORAL).passed
    newer = check(with_version(data, BUILTIN.CONV_2D, 6), CORAL)
    assert [finding.what for finding in of(newer, "blocks")] == ["CONV_2D"]
    assert "631" in of(newer, "blocks")[0].why
    assert check(with_version(data, BUILTIN.CONV_2D, 6), HOST).passed


def test_per_channel_weights_of_dense_layers_are_told_where_the_runtime_may_be_old(tmp_path: Path) -> None:
    plain = classifier(tmp_path / "c.tflite", np.ones((3, 4), np.int8), (4,), scale=1.0).read_bytes()
    model = read(plain)
    draft = Draft(model)
    weights = next(tensor for tensor in draft.subgraphs[0].tensors if tensor.name in ("weights", b"weights"))
    each = schema.QuantizationParametersT(scale=[1.0, 0.5, 0.25], zeroPoint=[0, 0, 0])
    index = draft.subgraphs[0].tensors.index(weights)
    draft.subgraphs[0].tensors[index] = changed(weights, quantization=each)
    per_channel = write(draft.model)
    for where, severity in ((HOST, None), (MOBILE, "note"), (CORAL, "costs")):
        assert not [f for f in check(plain, where).findings if "per-channel" in f.what]
        assert [f.severity for f in check(per_channel, where).findings if "per-channel" in f.what] == (
            [severity] if severity else []
        )
    on_coral, on_mobile = (
        next(f for f in check(per_channel, where).findings if "per-channel" in f.what) for where in (CORAL, MOBILE)
    )
    assert on_coral.why.startswith("Its weights have one scale for each unit. TFLite 2.9 and older, and perhaps")
    assert ("pin" in on_coral.instead, "pin TFLite 2.14 or LiteRT" in on_mobile.instead) == (False, True)


@pytest.mark.parametrize(("shapes", "severity"), [(False, "note"), (True, "costs")])
def test_free_sizes_cost_on_a_cpu_where_operators_compute_them_and_block_on_the_edge_tpu(
    shapes: bool, severity: str
) -> None:
    draft = Draft(read(converted("relu6")))
    subgraph = draft.subgraphs[0]
    index = int(subgraph.inputs[0])
    subgraph.tensors[index] = changed(subgraph.tensors[index], shapeSignature=[-1, 8, 8, 3])
    if shapes:
        subgraph.tensors.append(changed(subgraph.tensors[index], name="sizes", type=schema.TensorType.INT32, shape=[4]))
        subgraph.operators.append(draft.operator(BUILTIN.SHAPE, [index], len(subgraph.tensors) - 1, 1))
    data = write(draft.model)
    (found,) = (f for f in check(data, HOST).findings if f.what == "free sizes")
    assert found.severity == severity
    assert ("chains of SHAPE, which" in found.why) is shapes
    assert [f.severity for f in check(data, CORAL).findings if f.what == "free sizes"] == ["blocks"]


def test_an_int16x8_file_with_float_ends_is_to_have_int16_ends() -> None:
    draft = Draft(read(single(BUILTIN.LOGISTIC, SCALE, SCALE)))
    for tensor in draft.subgraphs[0].tensors:
        tensor.type = schema.TensorType.INT16
    subgraph = draft.subgraphs[0]
    (inner,) = map(int, subgraph.inputs)
    subgraph.tensors.append(changed(subgraph.tensors[inner], name="x", type=0, quantization=None))
    end = len(subgraph.tensors) - 1
    subgraph.operators.insert(0, draft.operator(BUILTIN.QUANTIZE, [end], inner, 2))
    subgraph.inputs = [end]
    (finding,) = (f for f in check(write(draft.model), HOST).findings if f.what == "FLOAT32 input")
    assert finding.instead == "Convert it with int16 as inference_input_type."


def test_where_is_a_layer_or_the_end_of_a_tensor_s_name(capsys: pytest.CaptureFixture[str]) -> None:
    found = check(converted("relu6", "float_io"), HOST).findings[0]
    long = found.model_copy(update={"layers": [], "tensors": ["model/gru/while/Relu;model/gru/while/MatMul_1", "x"]})
    report = check_everywhere(converted("relu6"), [HOST], name="m.tflite")
    one = report.targets[0].model_copy(update={"findings": [long]})
    rendering.render(report.model_copy(update={"targets": [one]}), Console(width=80))
    shown = capsys.readouterr().out
    assert "Relu, x" in shown
    assert "MatMul" not in shown


def test_a_float_tensor_that_no_operator_uses_blocks() -> None:
    draft = Draft(read(converted("relu6")))
    orphan = changed(draft.subgraphs[0].tensors[0], name="left_over", type=0, quantization=None)
    draft.subgraphs[0].tensors.append(orphan)
    (finding,) = of(check(write(draft.model), HOST), "blocks")
    assert finding.tensors == ["left_over"]


def test_an_operator_that_nobody_has_seen_is_a_note() -> None:
    result = check(single(BUILTIN.SPACE_TO_DEPTH, SCALE, SCALE), HOST)
    assert [(f.severity, f.basis) for f in result.findings] == [("note", "not measured")]
    assert result.passed


def test_the_tail_of_a_model_may_run_on_the_cpu() -> None:
    result = check(single(BUILTIN.ELU, SCALE, SCALE), CORAL)
    assert result.passed
    assert [finding.severity for finding in result.findings] == ["costs"]


def test_what_is_no_tflite_file_is_a_model_error() -> None:
    with pytest.raises(ModelError):
        check(b"PK\x03\x04 not a model", HOST)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "code"), [("relu6", 0), ("cos", 3)])
def test_the_command_ends_in_3_where_something_blocks(
    kind: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.bin"  # known by what it holds, not by its name
    path.write_bytes(converted(kind))
    assert run(["check", str(path), "--json", "--target", "host", "--target", "coral"]) == code
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [entry["target"] for entry in report["targets"]] == ["host", "coral"]
    assert report["passed"] is (code == 0)
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--target", "toaster"], 2, "host, mobile, coral"),
        (["--activation", "relu6"], 2, "Keras model"),
        (["--activation", "relo6"], 2, "relu6"),
        (["--swap", "swish"], 2, "swish=hard_swish"),
    ],
)
def test_what_cannot_be_meant_is_said_in_two_lines(
    arguments: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(converted("relu6"))
    assert run(["check", str(path), *arguments]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert says in lines[1]


@pytest.mark.parametrize("content", [None, b"", b"\x00\x00\x00\x00TFL3", b"hello"])
def test_a_file_that_is_no_model_is_an_error(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.tflite"
    if content is not None:
        path.write_bytes(content)
    assert run(["check", str(path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.slow
def test_the_command_answers_without_tensorflow(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(converted("relu6"))
    code = f"""
import sys
from edgeswap.cli.main import run
assert run(["check", {str(path)!r}, "--target", "coral"]) == 0
assert not {{"tensorflow", "keras", "tf_keras"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_float32_ends_of_an_int8_model_are_no_obstacle_and_cost_an_npu_two_operators() -> None:
    data = converted("relu6", "float_io")
    for where, severity in ((HOST, "note"), (CORAL, "costs")):
        found = check(data, where)
        ends = [finding for finding in found.findings if finding.what == "float32 ends"]
        assert [finding.severity for finding in ends] == [severity]
        assert (found.passed, found.leaves_at) == (True, None)
    assert "on the CPU" in ends[0].why
    assert "--io int8 or uint8" in ends[0].instead
