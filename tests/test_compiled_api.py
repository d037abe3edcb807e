"""--api compiled: LiteRT's CompiledModel gives what the Interpreter gives, and the report says which of them ran."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy import benchmark
from edgeswap.config.bench import bench_config
from edgeswap.errors import ConfigError
from edgeswap.targets.emulator.pi import PIS
from tests import app_bundle
from tests.conftest import Ran
from tests.tiny_tflite import classifier, remembering, streaming

SHAPE = (4, 4, 1)
APIS = ("interpreter", "compiled")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("compiled")
    weights = np.random.default_rng(0).integers(-3, 4, (3, 16))
    classifier(made / "float.tflite", weights, SHAPE)
    classifier(made / "int8.tflite", weights, SHAPE, scale=1 / 255)
    pixels = np.random.default_rng(1).integers(0, 256, (64, *SHAPE), dtype=np.uint8)
    np.savez(made / "test.npz", x=pixels, y=np.arange(64) % 3)
    return made


def engine(api: str, delegate: str = "xnnpack") -> benchmark.Engine:
    return benchmark.Engine(benchmark.find_runtime("auto"), 1, delegate, {}, api=api)


@pytest.mark.slow
def test_the_whole_script_gives_the_same_outputs(folder: Path, tmp_path: Path) -> None:
    """With processes of its own for load time and samples."""
    results = {}
    for api in APIS:
        command = [sys.executable, benchmark.__file__, "float.tflite", "int8.tflite", "--data", "test.npz"]
        command += [
            "--preprocess",
            "unit",
            "--runs",
            "20",
            "--warm-up",
            "2",
            "--api",
            api,
            "--outputs",
            str(tmp_path / f"{api}.npz"),
        ]
        done = subprocess.run([*command, "--json", "-"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        results[api] = json.loads(done.stdout)
    outputs = [np.load(tmp_path / f"{api}.npz") for api in APIS]
    for name in outputs[0]:
        np.testing.assert_array_equal(outputs[0][name], outputs[1][name])
    for api, result in results.items():
        assert result["api"] == api
        assert all(model["latency_ms"]["p50"] > 0 and model["load_ms"] > 0 for model in result["models"])
        assert [model["outside_delegate"] for model in result["models"]] == [[], []]
    assert "by CompiledModel" in benchmark.table(results["compiled"])
    assert "by CompiledModel" not in benchmark.table(results["interpreter"])
    differences = benchmark.compare(results["compiled"], results["interpreter"], "earlier.json")["differences"]
    assert "the API is compiled here, interpreter there" in differences


@pytest.mark.parametrize("delegate", ["xnnpack", "none"])
def test_several_outputs_are_told_apart(tmp_path: Path, delegate: str) -> None:
    path = app_bundle.split(tmp_path)
    models = [benchmark.load_model(path, engine(api, delegate)) for api in APIS]
    for model in models:
        for tensor in model.inputs:
            model.interpreter.set_tensor(tensor.index, benchmark.random_input(tensor))
        model.interpreter.invoke()
    one, other = ([model.interpreter.get_tensor(output.index) for output in models[0].outputs] for model in models)
    assert len(one) == 2
    assert not np.array_equal(one[0], one[1])
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("make", [remembering, streaming])
def test_a_model_with_a_state_is_refused(tmp_path: Path, make: Callable[[Path, int], Path]) -> None:
    with pytest.raises(benchmark.BenchmarkError, match="without a state for --api compiled") as raised:
        benchmark.load_model(make(tmp_path / "state.tflite", 3), engine("compiled"))
    assert "--api interpreter" in raised.value.remedy


@pytest.mark.slow
def test_what_litert_cannot_load_so_is_told_with_the_way_out(tmp_path: Path) -> None:
    """In the process that measures the load time, which comes first: ai-edge-litert 2.3 takes no variable tensors."""
    model = remembering(tmp_path / "state.tflite", 3)
    with pytest.raises(
        benchmark.BenchmarkError, match="without a state for --api compiled, but SVDF of state"
    ) as raised:
        benchmark.apart("--probe", model, engine("compiled"))
    assert "Give --api interpreter" in raised.value.remedy


def test_a_runtime_without_compiled_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    other = benchmark.Runtime("tflite-runtime", "2.14.0", "")
    with pytest.raises(benchmark.BenchmarkError, match="tflite-runtime has none"):
        benchmark.require_compiled_model(other, "xnnpack")
    own = benchmark.find_runtime("auto")
    with pytest.raises(benchmark.BenchmarkError, match="xnnpack or none for --api compiled, got edgetpu"):
        benchmark.require_compiled_model(own, "edgetpu")
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)  # a board where it was not installed
    for name in ("compiled_model", "tensor_buffer"):
        monkeypatch.delitem(sys.modules, f"ai_edge_litert.{name}", raising=False)
    with pytest.raises(benchmark.BenchmarkError, match="ml_dtypes"):
        benchmark.require_compiled_model(own, "xnnpack")


def test_an_older_compiled_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of ai-edge-litert 1.4 takes no options."""
    from ai_edge_litert import compiled_model

    monkeypatch.delattr(compiled_model, "CpuOptions")
    with pytest.raises(benchmark.BenchmarkError, match="takes a number of threads"):
        benchmark.require_compiled_model(benchmark.find_runtime("auto"), "xnnpack")


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        (PIS["pi4"].cpuinfo, ["NEON"]),
        (PIS["pi5"].cpuinfo, ["NEON", "dotprod"]),
        # Two kinds of cores: what only one has cannot be counted on.
        ("Features : asimd asimddp i8mm\n\nFeatures : asimd asimddp\n", ["NEON", "dotprod"]),
        ("Features : asimd asimddp i8mm sme sme2\n", ["NEON", "dotprod", "i8mm", "SME", "SME2"]),
        ("flags : sse4_1 avx2 avx512bw avx512_vnni\n", ["SSE4.1", "AVX2", "AVX-512", "AVX-512 VNNI"]),
        ("", None),
    ],
)
def test_the_cpu_says_its_int8_instructions(tmp_path: Path, cpuinfo: str, expected: list[str] | None) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(cpuinfo)
    assert benchmark.describe_machine(tmp_path)["int8_instructions"] == expected


@pytest.mark.slow
def test_bench_passes_it_on_and_says_so(folder: Path, edgeswap: Callable[..., Ran]) -> None:
    models = [str(folder / "float.tflite"), str(folder / "int8.tflite")]
    how = ("--data", str(folder / "test.npz"), "--preprocess", "unit", "--runs", "20", "--quick", "--api", "compiled")
    ran = edgeswap("bench", *models, *how, "-o", "report.json")
    assert ran.code == 0, ran.stderr
    assert "CompiledModel, delegate xnnpack" in " ".join(ran.stdout.split())
    (target,) = json.loads(Path("report.json").read_text())["targets"]
    assert target["api"] == "compiled"
    assert target["int8_instructions"] == benchmark.describe_machine()["int8_instructions"]


@pytest.mark.parametrize(
    ("settings", "got"),
    [
        ({"target": "emulator:pi5"}, "got emulator:pi5"),
        ({"target": "micro"}, "got micro"),
        ({"delegate": "edgetpu"}, "got edgetpu"),
    ],
)
def test_where_it_cannot_be_is_told_before_any_work(settings: dict[str, Any], got: str) -> None:
    with pytest.raises(ConfigError, match=f"for --api compiled, {got}"):
        bench_config({"models": ("a.tflite", "b.tflite"), "api": "compiled", **settings})
