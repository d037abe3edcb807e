"""Time per operator, from the C library in the wheel of ai-edge-litert."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from deploy import benchmark
from tests.tflite_models import BUILTIN, single
from tests.tiny_tflite import adder, classifier


@pytest.fixture(scope="module")
def engine() -> benchmark.Engine:
    return benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Two million multiplications, some tenths of a millisecond: enough for a clock of whole microseconds."""
    weights = np.random.default_rng(0).integers(-3, 4, (1000, 2048))
    return classifier(tmp_path / "wide.tflite", weights, (2048,))


@pytest.mark.slow
def test_each_operator_has_a_name_and_a_time(wide: Path, engine: benchmark.Engine) -> None:
    found, reason = benchmark.operator_times(wide, engine)
    assert reason is None
    assert found is not None
    assert found["runs"] >= 10
    *_, last = found["operators"]
    assert last["operator"] == "Fully Connected (NC, F32) GEMM"
    assert last["mean"] == max(entry["mean"] for entry in found["operators"])
    assert last["mean"] > 0.02  # two million multiplications: 100 a nanosecond is more than one core does


def test_an_operator_outside_of_xnnpack_is_there_by_its_own_name(tmp_path: Path, engine: benchmark.Engine) -> None:
    path = tmp_path / "hard_swish.tflite"
    path.write_bytes(single(BUILTIN.HARD_SWISH, (0.05, 0), (0.05, 0)))
    found, _ = benchmark.operator_times(path, engine)
    assert found is not None
    assert [entry["operator"] for entry in found["operators"]] == ["HARD_SWISH"]


@pytest.mark.slow
def test_two_inputs_are_both_filled(tmp_path: Path, engine: benchmark.Engine) -> None:
    found, reason = benchmark.operator_times(adder(tmp_path / "adder.tflite", 64), engine)
    assert reason is None
    assert found is not None
    assert [entry["operator"] for entry in found["operators"]] == ["Add (ND)"]


def test_the_library_runs_as_many_threads_as_it_is_told(wide: Path) -> None:
    def threads_after(count: int) -> int:
        before = len(list(Path("/proc/self/task").iterdir()))
        model = benchmark.CompiledModel(wide, count)
        model.run()
        return len(list(Path("/proc/self/task").iterdir())) - before

    assert threads_after(1) == 0
    assert threads_after(3) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"runtime": benchmark.Runtime("tflite-runtime", "2.14.0", "")}, "tflite-runtime 2.14.0 offers none"),
        ({"runtime": benchmark.Runtime("ai-edge-litert", "2.4.0", "")}, "ai-edge-litert 2.3.0 does"),
        ({"delegate": "none"}, "--delegate none"),
    ],
)
def test_what_was_not_tried_gives_a_reason(
    wide: Path, engine: benchmark.Engine, change: dict[str, object], said: str
) -> None:
    found, reason = benchmark.operator_times(wide, dataclasses.replace(engine, **change))  # type: ignore[arg-type]
    assert found is None
    assert reason is not None
    assert said in reason


def test_a_crash_of_the_library_gives_a_reason(
    wide: Path, engine: benchmark.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "fake.py"
    fake.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(benchmark, "__file__", str(fake))
    found, reason = benchmark.operator_times(wide, engine)
    assert found is None
    assert reason is not None
    assert "ended by SIGSEGV" in reason


def test_a_function_that_fails_or_is_missing_is_an_error(wide: Path) -> None:
    model = benchmark.CompiledModel(wide, 1)
    with pytest.raises(benchmark.BenchmarkError, match=r"LiteRtStartProfiler .* failed with status"):
        model.call("LiteRtStartProfiler", None)
    with pytest.raises(benchmark.BenchmarkError, match="to have LiteRtNothing; it has not"):
        model.call("LiteRtNothing")
