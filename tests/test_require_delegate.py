"""`--require-delegate`: operators that the delegate left are named with reasons, and the exit code is 3."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import edgeswap as api
from deploy import benchmark
from edgeswap.compatibility.tflite_findings import check
from edgeswap.config.bench import bench_config
from edgeswap.data.load import load
from edgeswap.errors import ConfigError
from edgeswap.evaluation.limits import judge_delegate
from edgeswap.records import Io, OutsideOperator, TargetResult
from edgeswap.report import delegate_words
from edgeswap.report.limit_words import limit_text
from edgeswap.report.numbers import NBSP
from edgeswap.targets.names import backend_of
from edgeswap.targets.outside_delegate import NO_REASON, outside
from edgeswap.tflite.ends import with_ends
from tests.app_bundle import adder, pointwise
from tests.conftest import Ran
from tests.test_report import ptq
from tests.tflite_models import BUILTIN, row, single

SOFTMAX = schema.BuiltinOperator.SOFTMAX


def left(file: Path) -> list[tuple[str, str]]:
    """What XNNPACK leaves of a model on this machine."""
    engine = benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})
    found = benchmark.dissect(file, engine).outside
    assert found is not None
    reasons = outside(file, found, delegate="xnnpack", runtime="ai-edge-litert")
    assert reasons is not None
    return [(one.operator, one.reason) for one in reasons]


def test_what_xnnpack_leaves_is_named_with_the_reason(tmp_path: Path) -> None:
    assert left(adder(tmp_path)) == []
    softmax = pointwise(tmp_path, SOFTMAX, (1, 4))
    assert left(softmax) == [("SOFTMAX", "XNNPACK has no int8 SOFTMAX.")]
    data = adder(tmp_path).read_bytes()
    for io, expected in (("uint8", ["QUANTIZE"] * 3), ("float32", [])):
        (tmp_path / "ends.tflite").write_bytes(with_ends(data, io))  # type: ignore[arg-type]
        assert [name for name, _ in left(tmp_path / "ends.tflite")] == expected
        assert {why for _, why in left(tmp_path / "ends.tflite")} <= {"XNNPACK has no QUANTIZE between uint8 and int8."}


@pytest.mark.parametrize("io", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("names", ["TANH SOFTMAX", "SOFTMAX", "TANH SOFTMAX ELU", "TANH TANH", "ABS TANH"])
def test_check_says_what_the_runtime_leaves_and_what_cuts_its_graph(names: str, io: Io, tmp_path: Path) -> None:
    file = tmp_path / "row.tflite"
    file.write_bytes(with_ends(row(*(getattr(BUILTIN, name) for name in names.split())), io))
    found = [one for one in check(file.read_bytes(), backend_of("host")).findings if one.operators]
    assert sorted(operator for one in found for operator in one.operators) == sorted({name for name, _ in left(file)})
    pieces = benchmark.dissect(file, benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})).delegates
    said = any("cuts the delegate's graph in two" in one.why for one in found)
    assert said == (sum(piece["partitions"] for piece in pieces) > 1)
    assert all(one.instead for one in found if one.operators != ["ABS"])


def test_a_layer_has_the_name_that_the_user_gave_it_whatever_the_ends(tmp_path: Path) -> None:
    file = tmp_path / "row.tflite"
    for io, tensor in (("int8", "t1"), ("uint8", "t1_int8")):
        file.write_bytes(with_ends(row(BUILTIN.TANH, BUILTIN.SOFTMAX), io))  # type: ignore[arg-type]
        softmax = [{"operator": "SOFTMAX", "tensor": tensor}]
        how = {"delegate": "xnnpack", "runtime": "ai-edge-litert", "layers": {"t0": "first", "t1": "my head"}}
        (one,) = outside(file, softmax, **how) or ()  # type: ignore[arg-type]
        assert one.layer == "my head"


def test_without_a_delegate_nothing_is_said(tmp_path: Path) -> None:
    engine = benchmark.Engine(benchmark.find_runtime("auto"), 1, "none", {})
    assert benchmark.dissect(adder(tmp_path), engine).outside is None
    assert outside(adder(tmp_path), None, delegate="none", runtime="ai-edge-litert") is None


def test_reasons_come_from_the_table_of_the_delegate(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"

    def why(data: bytes, operator: str, tensor: str, delegate: str, runtime: str = "ai-edge-litert") -> tuple[str, str]:
        file.write_bytes(data)
        (one,) = outside(file, [{"operator": operator, "tensor": tensor}], delegate=delegate, runtime=runtime) or []
        return one.reason, one.remedy

    elu = single(BUILTIN.ELU, (0.05, 0), (0.05, 0))
    assert why(elu, "ELU", "y", "edgetpu")[0].startswith("It does not map")
    assert why(elu, "ELU", "y", "xnnpack") == (NO_REASON, "")  # it does run there
    assert why(elu, "ELU", "y", "/usr/lib/libmine.so") == (NO_REASON, "")
    assert why(elu, "ELU", "y", "xnnpack", "tflite-runtime")[0] == "tflite-runtime runs int8 without XNNPACK."
    assert why(with_ends(elu, "float32"), "DEQUANTIZE", "y", "edgetpu")[1] == "Export it with --io int8 or uint8."
    hard_swish = single(BUILTIN.HARD_SWISH, (0.05, 0), (0.05, 0))
    reason, remedy = why(hard_swish, "HARD_SWISH", "y", "xnnpack")
    assert (reason, "--hard-swish rewritten" in remedy) == ("XNNPACK has no int8 HARD_SWISH.", True)
    assert why(elu, "ELU", "a tensor that the file lacks", "xnnpack") == (NO_REASON, "")


@pytest.mark.slow
def test_bench_ends_with_3_and_names_the_operator(edgeswap: Callable[..., Ran], place: Path) -> None:
    file = pointwise(place, SOFTMAX, (1, 4))
    ran = edgeswap("bench", file, file, "--quick", "--require-delegate", "--output", "bench.json")
    assert ran.code == 3, ran.stderr
    said = " ".join(ran.stdout.split())
    named = "1 operator outside of the delegate, limit 0: 1 SOFTMAX (XNNPACK has no int8 SOFTMAX)"
    assert f"Failed (require_delegate {named}): " in said
    assert f"require_delegate FAILED: {named} " in said
    assert "host: xnnpack did not take 1 SOFTMAX (y). XNNPACK has no int8 SOFTMAX." in said
    report = json.loads(Path("bench.json").read_text())
    (one,) = report["targets"][0]["int8"]["outside_delegate"]
    assert (one["operator"], one["tensor"]) == ("SOFTMAX", "y")
    assert report["targets"][0]["float32"]["outside_delegate"] is None
    assert report["limits"] == [{"name": "require_delegate", "limit": 0.0, "value": 1.0, "passed": False}]


@pytest.mark.slow
def test_a_model_that_the_delegate_takes_passes(edgeswap: Callable[..., Ran], place: Path) -> None:
    file = adder(place)
    ran = edgeswap("bench", file, file, "--quick", "--require-delegate")
    assert ran.code == 0, ran.stderr
    assert "require_delegate passed: 0 operators outside of the delegate, limit 0" in " ".join(ran.stdout.split())


def test_a_delegate_must_be_there_to_be_required() -> None:
    models = ("a.tflite", "b.tflite")
    for settings, got in (({"delegate": "none"}, "--delegate none"), ({"target": ("host", "micro")}, "--target micro")):
        with pytest.raises(ConfigError, match=f"Expected a delegate for --require-delegate, got {got}"):
            bench_config({"models": models, "require_delegate": True, **settings})


def test_an_edge_tpu_takes_nothing_of_a_model_that_is_not_compiled() -> None:
    report = ptq()
    assert judge_delegate(report.targets, applied=True, operators=7).passed
    assert judge_delegate(report.targets, applied=False, operators=7).value == 7


def test_the_limit_names_the_operators_of_the_target_with_the_most() -> None:
    left = [
        OutsideOperator(operator=name, tensor=f"t{number}", layer=None, reason=f"No {name}.", remedy="")
        for number, name in enumerate(("QUANTIZE", "SOFTMAX", "QUANTIZE", "ABS", "EXP"))
    ]
    report = ptq()
    one = report.targets[0]

    def leaving(count: int) -> TargetResult:
        return one.model_copy(update={"int8": one.int8.model_copy(update={"outside_delegate": left[:count]})})

    both = report.model_copy(update={"targets": [leaving(1), leaving(5)]})
    limit = judge_delegate(both.targets, applied=True, operators=9)
    text = limit_text(limit, both).replace(NBSP, " ")
    assert text == (
        "5 operators outside of the delegate, limit 0: 2 QUANTIZE (No QUANTIZE), 1 SOFTMAX (No SOFTMAX), "
        "1 ABS (No ABS) and 1 more"
    )


def test_operators_of_one_reason_share_a_line_and_so_do_targets() -> None:
    report = ptq()
    swish = [
        OutsideOperator(operator="HARD_SWISH", tensor=f"t{n}", layer=f"act{n}", reason="Why.", remedy="Do.")
        for n in range(5)
    ]
    softmax = OutsideOperator(operator="SOFTMAX", tensor="out", layer=None, reason="Other.", remedy="")
    one = report.targets[0]
    told = one.model_copy(update={"int8": one.int8.model_copy(update={"outside_delegate": [*swish, softmax]})})
    found = delegate_words.outside(report.model_copy(update={"targets": [told, told]}))
    name = found[0].partition(":")[0]
    assert found == [
        f"{name}: {one.delegate} did not take 5 HARD_SWISH (act0, act1, act2 and 2 more). Why. Do.",
        f"{name}: {one.delegate} did not take 1 SOFTMAX (out). Other.",
    ]


@pytest.mark.slow
def test_mlperf_tiny_s_int8_reference_is_benched_beside_a_model_with_uint8_ends(shared: Path, place: Path) -> None:
    reference = shared / "models/mlperf_tiny_resnet8_int8_reference.tflite"
    (place / "uint8.tflite").write_bytes(with_ends(reference.read_bytes(), "uint8"))
    np.savez(place / "test.npz", x=np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3)).astype(np.uint8))
    report = api.bench(
        reference, "uint8.tflite", data="test.npz", preprocess="raw", task="classification", runs=5, quick=True
    )
    assert report.comparison.agreement == 1.0
    assert (report.int8.io, report.precision, report.baseline_precision) == ("uint8", "int8", "int8")
    assert (report.comparison.outputs[0].max_steps, report.comparison.outputs[0].snr_db) == (0.0, None)
    names = [one.operator for one in report.targets[0].int8.outside_delegate]
    assert names == ["QUANTIZE", "AVERAGE_POOL_2D", "SOFTMAX", "QUANTIZE"]


@pytest.mark.slow
@pytest.mark.rare
def test_mlperf_tiny_s_int8_reference_is_benched_beside_ours_with_uint8_ends(shared: Path, place: Path) -> None:
    pytest.importorskip("tensorflow")
    photographs = load(shared / "data/cifar10_validation.zip", input_shapes={"image": (32, 32, 3)})
    rows = np.arange(300) * len(photographs) // 300
    images, classes = photographs.read(rows), np.asarray(photographs.classes)[rows]
    np.savez(place / "test.npz", x=images, y=classes)
    api.export(
        shared / "models/mlperf_tiny_resnet8.h5",
        data=(images[::3], classes[::3]),
        preprocess="raw",
        method="ptq",
        io="uint8",
        measure=False,
        cache=False,
        output="ours",
    )
    reference = shared / "models/mlperf_tiny_resnet8_int8_reference.tflite"
    report = api.bench(reference, "ours/model_int8.tflite", data="test.npz", preprocess="raw", runs=5, quick=True)
    assert report.int8.io == "uint8"
    assert (report.precision, report.baseline_precision) == ("int8", "int8")
    assert report.int8.float_tensors == 0
    # Beside float32, PTQ by TFLiteConverter agrees on 95.9 % and edgeswap's on 97.5 % of 5,000 photographs
    # (benchmarks/README.md), so they part on 6.6 % at most; of 300 photographs three standard errors are 4.3 points.
    assert report.comparison.agreement >= 0.89
    assert abs(report.comparison.drop) <= 3.0  # points; it is 9 photographs of 300
