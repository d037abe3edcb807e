from __future__ import annotations

import ast
import contextlib
import copy
import dataclasses
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import benchmark
from tests.environments import new_environment
from tests.tiny_tflite import adder, classifier, remembering, streaming

SCRIPT = Path(benchmark.__file__)
SHAPE = (4, 4, 1)
WEIGHTS = np.random.default_rng(0).integers(-3, 4, (3, 16))
PIXELS = np.random.default_rng(1).integers(0, 256, (300, *SHAPE), dtype=np.uint8)
EXPECTED = (PIXELS.reshape(300, 16).astype(np.int64) @ WEIGHTS.T).argmax(axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and an evaluation set whose labels are right for all but every fifth sample."""
    made = tmp_path_factory.mktemp("benchmark")
    classifier(made / "float.tflite", WEIGHTS, SHAPE)
    classifier(made / "int8.tflite", WEIGHTS, SHAPE, scale=1 / 255)
    labels = EXPECTED.copy()
    labels[::5] = (labels[::5] + 1) % 3
    np.savez(made / "test.npz", x=PIXELS, y=labels)
    return made


@pytest.fixture(scope="module")
def engine() -> benchmark.Engine:
    return benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})


def run(folder: Path, *arguments: str, python: str = sys.executable, script: Path = SCRIPT) -> Any:
    command = [python, "-W", "error::DeprecationWarning:__main__", str(script), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def measured(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run(folder, *arguments, "--json", "-")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def tensor(dtype: str, scale: float = 0.0, zero_point: int = 0, shape: tuple[int, ...] = (1, 1)) -> benchmark.Tensor:
    return benchmark.Tensor(0, ("x",), shape, np.dtype(dtype), scale, zero_point)


# --- the whole script -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(folder: Path) -> dict[str, Any]:
    models = ("float.tflite", "int8.tflite")
    return measured(folder, *models, "--data", "test.npz", "--preprocess", "unit", "--runs", "120")


@pytest.mark.slow
def test_accuracy_is_that_of_the_labels(result: dict[str, Any]) -> None:
    baseline, candidate = (model["accuracy"] for model in result["models"])
    assert baseline["predicted"] == EXPECTED.tolist()
    assert baseline["correct"] == 240
    assert baseline["top1"] == 0.8
    assert baseline["agreement"] == 1.0
    # The int8 output has steps of 64 input steps, so near ties may fall either way: judge where the sums are clear.
    sums = PIXELS.reshape(300, 16).astype(np.int64) @ WEIGHTS.T
    clear = np.diff(np.sort(sums, axis=1)[:, 1:], axis=1)[:, 0] > 128
    clear &= np.abs(sums).max(axis=1) < 64 * 127  # beyond that the int8 output saturates
    assert clear.sum() > 200
    assert np.array_equal(np.asarray(candidate["predicted"])[clear], EXPECTED[clear])
    assert candidate["ties"] > 0
    assert baseline["ties"] == 0


def test_says_what_was_measured(result: dict[str, Any], folder: Path) -> None:
    assert result["schema"] == "edgeswap.benchmark/1"
    assert result["runtime"]["name"] == "ai-edge-litert"
    assert [model["kind"] for model in result["models"]] == ["float32", "int8"]
    assert [model["operators"] for model in result["models"]] == [{"FULLY_CONNECTED": 1}] * 2
    assert [model["float_tensors"] for model in result["models"]] == [3, 0]
    assert result["data"]["samples"] == result["data"]["of"] == 300
    for model in result["models"]:
        assert model["size_bytes"] == (folder / model["file"]).stat().st_size
        assert model["delegates"] == [{"name": "xnnpack", "partitions": 1, "operators": 1}]
        assert model["load_ms"] > 0
        assert model["peak_memory_bytes"] > model["model_memory_bytes"] > 0


def test_a_large_file_is_described_in_pieces(tmp_path: Path) -> None:
    """Beside the interpreters of two models there is no room for a third copy of the weights."""
    path = tmp_path / "large.tflite"
    path.write_bytes(bytes(2**24))
    output = benchmark.Tensor(0, ("y",), (1, 2), np.dtype(np.int8), 1.0, 0)
    model = benchmark.Model(path, None, None, (), (output,), None)
    tracemalloc.start()
    try:
        said = benchmark._describe_model(model, benchmark.Anatomy("int8", {}, 0, [], None))
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()
    assert said["size_bytes"] == 2**24
    assert said["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_latency_keeps_raw_times_in_blocks_and_sums_them_up(result: dict[str, Any]) -> None:
    for model in result["models"]:
        latency = model["latency_ms"]
        times = np.concatenate(latency["blocks"])
        assert len(latency["blocks"]) == 10
        assert len(times) == latency["runs"] == 120
        assert latency["p50"] == pytest.approx(np.median(times))
        assert latency["p99"] == pytest.approx(np.percentile(times, 99))
        assert latency["mean"] == pytest.approx(times.mean())
        assert latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
        assert latency["warm_up_runs"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("make", "first"), [(remembering, (0, 10)), (streaming, (1, 41))])
def test_each_sample_begins_with_the_state_of_the_first(tmp_path: Path, make: Any, first: tuple[int, int]) -> None:
    """What a sample left behind must not reach the next: neither in one process nor in several."""
    make(tmp_path / "model.tflite", 3)
    x = np.zeros((40, 3), np.float32)
    x[:, 1] = 40.0
    np.savez(tmp_path / "same.npz", x=x)
    for workers in ("1", "2"):
        arguments = ("--data", "same.npz", "--preprocess", "none", "--workers", workers, "--no-load", "--runs", "20")
        result = measured(tmp_path, "model.tflite", *arguments, "--outputs", "kept.npz")["models"][0]
        with np.load(tmp_path / "kept.npz") as kept:
            assert kept["model0.output0"].tolist() == [[first[0], first[1], first[0]]] * 40
        assert result["latency_ms"]["runs"] == 20


@pytest.mark.slow
def test_without_labels_there_are_predictions_only(folder: Path) -> None:
    np.savez(folder / "unlabelled.npz", x=PIXELS)
    found = measured(folder, "float.tflite", "--data", "unlabelled.npz", "--preprocess", "unit", "--no-latency")
    accuracy = found["models"][0]["accuracy"]
    assert accuracy["top1"] is None
    assert accuracy["predicted"] == EXPECTED.tolist()
    assert found["models"][0]["latency_ms"] is None
    assert found["data"]["labels"] is None


@pytest.mark.slow
def test_compressed_data_one_worker_and_many_give_the_same(folder: Path, result: dict[str, Any]) -> None:
    np.savez_compressed(folder / "compressed.npz", x=PIXELS)
    options = ("--preprocess", "unit", "--no-latency", "--no-load")
    for workers in ("1", "3"):
        found = measured(folder, "int8.tflite", "--data", "compressed.npz", *options, "--workers", workers)
        assert found["models"][0]["accuracy"]["predicted"] == result["models"][1]["accuracy"]["predicted"]


def own_loop(path: Path, inputs: np.ndarray) -> np.ndarray:
    """The outputs of an interpreter of our own, sample by sample."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    into, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    outputs = []
    for sample in inputs:
        interpreter.set_tensor(into, sample[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(out)[0])
    return np.array(outputs)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_outputs_are_kept_as_the_models_gave_them(folder: Path, workers: str) -> None:
    options = ("--preprocess", "unit", "--no-latency", "--no-load", "--samples", "150", "--workers", workers)
    measured(folder, "float.tflite", "int8.tflite", "--data", "test.npz", *options, "--outputs", "outputs.npz")
    with np.load(folder / "outputs.npz") as outputs:
        assert sorted(outputs) == ["model0.output0", "model1.output0"]
        floats = own_loop(folder / "float.tflite", PIXELS[::2].astype(np.float32) / np.float32(255))
        np.testing.assert_array_equal(outputs["model0.output0"], floats, strict=True)
        integers = own_loop(folder / "int8.tflite", (PIXELS[::2].astype(np.int16) - 128).astype(np.int8))
        np.testing.assert_array_equal(outputs["model1.output0"], integers, strict=True)


def test_inferences_are_run_and_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("predict", "time_models", "apart", "describe_machine"):
        monkeypatch.delattr(benchmark, name)
    counted = []
    load = benchmark.load_model

    class Counting:
        def __init__(self, interpreter: Any) -> None:
            self.interpreter = interpreter

        def __getattr__(self, name: str) -> Any:
            return getattr(self.interpreter, name)

        def invoke(self) -> None:
            self.interpreter.invoke()
            counted.append(self.interpreter.get_tensor(2))

    def counting(path: Path, engine: benchmark.Engine) -> benchmark.Model:
        model = load(path, engine)
        return dataclasses.replace(model, interpreter=Counting(model.interpreter))

    monkeypatch.setattr(benchmark, "load_model", counting)
    data = ["--data", str(folder / "test.npz"), "--preprocess", "unit"]
    models = [str(folder / "float.tflite"), str(folder / "int8.tflite")]
    outputs = [
        "--outputs",
        str(tmp_path / "kept.npz"),
        "--reduce",
        "argmax",
    ]  # an emulator passes them on
    assert benchmark.main([*models, *data, *outputs, "--inferences", "7"]) == 0
    assert list(tmp_path.iterdir()) == []
    first = own_loop(folder / "float.tflite", PIXELS[:1].astype(np.float32) / np.float32(255))
    second = own_loop(folder / "int8.tflite", (PIXELS[:1].astype(np.int16) - 128).astype(np.int8))
    assert [output.tolist() for output in counted] == [first.tolist()] * 7 + [second.tolist()] * 7
    assert capfd.readouterr().out == ""


def test_samples_are_spread_evenly(folder: Path) -> None:
    options = ("--preprocess", "unit", "--no-latency", "--no-load", "--samples", "30")
    found = measured(folder, "float.tflite", "--data", "test.npz", *options)
    assert found["data"]["indices"] == list(range(0, 300, 10))
    assert found["models"][0]["accuracy"]["predicted"] == EXPECTED[::10].tolist()


@pytest.mark.slow
def test_by_hand_it_prints_a_table(folder: Path) -> None:
    done = run(folder, "float.tflite", "int8.tflite", "--runs", "50", "--json", "kept.json")
    assert done.returncode == 0
    assert "\nwarning: too-few-runs: float.tflite: 50 runs; int8.tflite: 50 runs. Leave out" in done.stdout
    lines = done.stdout.splitlines()
    what, speed = (index for index, line in enumerate(lines) if line.startswith("model "))
    assert re.match(r"float\.tflite +float32 .* 1 of 1 in xnnpack$", lines[what + 1])
    assert re.match(r"int8\.tflite +int8 .* 1 of 1 in xnnpack$", lines[what + 2])
    assert re.match(r"float\.tflite( +[0-9.]+){5}$", lines[speed + 1])
    assert max(map(len, lines[what : speed + 3])) <= 80
    assert json.loads((folder / "kept.json").read_text())["models"][1]["file"] == "int8.tflite"


def at_a_terminal(folder: Path, *arguments: str) -> str:
    """What a person sees on stderr."""
    master, slave = os.openpty()
    command = [sys.executable, str(SCRIPT), *arguments]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=slave, timeout=300, check=False)
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):  # how the end of a terminal is told
        while part := os.read(master, 4096):
            said += part
    os.close(master)
    return said.decode()


@pytest.mark.slow
def test_on_a_terminal_the_runtime_s_greeting_is_left_out_and_nothing_else(folder: Path) -> None:
    said = at_a_terminal(folder, "int8.tflite", "--quick", "--no-load", "--progress")
    assert "progress 1.0000 latency" in said
    assert "INFO" not in said
    assert "INFO: Created" in run(folder, "int8.tflite", "--quick", "--no-load").stderr


@pytest.mark.slow
def test_on_a_terminal_a_line_tells_how_far_it_is_and_goes(folder: Path) -> None:
    said = at_a_terminal(folder, "int8.tflite", "--quick", "--no-load").split("\r")
    clear = "\x1b[K"
    assert f"latency, 60 % done{clear}" in said
    assert said[-2:] == [clear, ""]
    assert "done" not in run(folder, "int8.tflite", "--quick", "--no-load").stderr
    (folder / "broken.tflite").write_text("no model")
    assert at_a_terminal(folder, "int8.tflite", "broken.tflite").splitlines()[-2].split("\r")[-1].startswith("error: ")


@pytest.mark.slow
def test_progress_lines_rise_to_one(folder: Path) -> None:
    options = ("--data", "test.npz", "--preprocess", "unit", "--quick", "--progress")
    done = run(folder, "float.tflite", "int8.tflite", *options)
    told = re.findall(r"progress (\S+) (\w+)$", done.stderr, re.MULTILINE)
    fractions = [float(fraction) for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert list(dict.fromkeys(phase for _, phase in told)) == ["loading", "accuracy", "latency"]


def test_two_inputs_are_matched_by_name(folder: Path) -> None:
    adder(folder / "adder.tflite", 3)
    generator = np.random.default_rng(2)
    left, right = generator.random((2, 20, 3)).astype(np.float32)
    np.savez(folder / "pairs.npz", right=right, left=left)
    found = measured(folder, "adder.tflite", "--data", "pairs.npz", "--no-latency", "--no-load")
    assert found["models"][0]["accuracy"]["predicted"] == (left + right).argmax(axis=1).tolist()
    assert found["data"]["preprocess"] == "none"


@pytest.mark.parametrize(
    ("arrays", "given"),
    [
        ({"x": "left", "right": "right"}, None),
        ({"b": "left", "a": "right"}, ["b", "a"]),
        ({"left": "left", "a": "right"}, ["left", "a"]),
        ({"right": "right", "left": "left", "more": "left"}, ["left", "right"]),
    ],
)
def test_inputs_without_an_array_of_their_name_take_them_in_order(
    folder: Path, arrays: dict[str, str], given: list[str] | None
) -> None:
    adder(folder / "adder.tflite", 3)
    generator = np.random.default_rng(2)
    values = dict(zip(("left", "right"), generator.random((2, 20, 3)).astype(np.float32), strict=True))
    np.savez(folder / "unnamed.npz", **{name: values[array] for name, array in arrays.items()})
    found = measured(folder, "adder.tflite", "--data", "unnamed.npz", "--no-latency", "--no-load")
    assert found["models"][0]["accuracy"]["predicted"] == sum(values.values()).argmax(axis=1).tolist()
    expected = given or list(arrays)
    assert found["models"][0]["inputs_from"] == expected
    warned = [item for item in found["warnings"] if item["name"] == benchmark.INPUTS_BY_ORDER]
    assert bool(warned) == (expected != ["left", "right"])


def test_inputs_of_unlike_shapes_are_told_by_them() -> None:
    arrays = {"a": np.zeros((5, 2)), "b": np.zeros((5, 3))}
    inputs = [tensor("float32", shape=(1, 3)), tensor("float32", shape=(1, 2))]
    evaluation = benchmark.Evaluation(Path("e.npz"), arrays, None, np.arange(5), 5)
    assert evaluation.matched(inputs) == ["b", "a"]
    with pytest.raises(benchmark.BenchmarkError, match=r"\(3,\) for the input 'x', e\.npz holds \(2,\) in 'a'"):
        evaluation.matched([inputs[0], inputs[0]])


# --- what can go wrong ------------------------------------------------------------------------------------------------


def refused(done: Any) -> str:
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    problem = done.stderr[done.stderr.index("error: ") :]
    assert len(problem.strip().splitlines()) == 2
    return str(problem)


@pytest.mark.parametrize(
    ("array", "preprocess", "said"),
    [
        ({"x": PIXELS}, None, "--preprocess"),
        ({"x": PIXELS[:, :3]}, "unit", "(4, 4, 1)"),
        ({"x": PIXELS, "y": np.arange(300)}, "unit", "labels below 3"),
        ({"x": PIXELS, "z": PIXELS[:5]}, "unit", "one length"),
        ({"images": PIXELS, "more": PIXELS}, "unit", "images"),
        ({"x": PIXELS[:0]}, "unit", "above 0"),
        ({"x": PIXELS.astype(np.int64)}, "unit", "int64"),
        ({"x": np.full((2, *SHAPE), np.nan)}, None, "NaN"),
        ({"x": PIXELS}, "torch", "3 channels"),
    ],
)
def test_data_that_does_not_fit(folder: Path, array: dict[str, Any], preprocess: str | None, said: str) -> None:
    np.savez(folder / "bad.npz", **array)
    options = ["--preprocess", preprocess] if preprocess else []
    done = run(folder, "float.tflite", "--data", "bad.npz", "--no-load", *options)
    assert said in refused(done)


@pytest.mark.slow
def test_files_that_are_none(folder: Path) -> None:
    (folder / "text.tflite").write_text("no model")
    (folder / "cut.tflite").write_bytes((folder / "float.tflite").read_bytes()[:200])
    (folder / "text.npz").write_text("no data")
    assert "does not exist" in refused(run(folder, "missing.tflite"))
    assert "text.tflite" in refused(run(folder, "text.tflite"))
    assert "cut.tflite" in refused(run(folder, "cut.tflite"))
    assert ".npz" in refused(run(folder, "float.tflite", "--data", "text.npz"))
    assert ".npz" in refused(run(folder, "float.tflite", "--data", "missing.npz"))


def test_usage() -> None:
    for arguments in (
        ["--runs", "0", "m"],
        ["--delegate-option", "x", "m"],
        ["--outputs", "o.npz", "m"],
        ["--reduce", "argmax", "--data", "x.npz", "m"],
        [],
    ):
        with pytest.raises(SystemExit) as raised:
            benchmark.parse(arguments)
        assert raised.value.code == 2


def test_a_runtime_that_is_not_installed() -> None:
    with pytest.raises(benchmark.BenchmarkError, match=r"tflite-runtime to be installed.*ai-edge-litert is installed"):
        benchmark.find_runtime("tflite-runtime")


def without_litert(folder: Path) -> dict[str, str]:
    """Variables under which Python finds tflite-runtime 2.14 and no ai-edge-litert; neither can be imported."""
    for name in ("tflite_runtime", "ai_edge_litert"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise ImportError('no {name} here')")
    (folder / "tflite_runtime-2.14.0.dist-info").mkdir()
    (folder / "tflite_runtime-2.14.0.dist-info" / "METADATA").write_text("Name: tflite-runtime\nVersion: 2.14.0\n")
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_tflite_runtime_under_numpy_2_is_told_before_it_is_imported(folder: Path, tmp_path: Path) -> None:
    assert int(np.__version__.split(".")[0]) >= 2
    command = [sys.executable, SCRIPT, folder / "float.tflite", "--runtime", "tflite-runtime"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=without_litert(tmp_path))
    assert "tflite-runtime 2.14.0 needs numpy<2, got NumPy 2" in refused(done)
    assert len(done.stderr.splitlines()) == 2


def test_a_process_that_is_killed_is_an_error(
    folder: Path, engine: benchmark.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(benchmark, "_outputs", killed)
    evaluation = benchmark.open_evaluation(folder / "test.npz", None)
    work = benchmark.Work(folder / "float.tflite", engine, evaluation, "unit")
    with pytest.raises(benchmark.BenchmarkError, match=r"float\.tflite was ended by SIGKILL"):
        benchmark.predict(work, workers=2, advance=lambda _: None)
    assert multiprocessing.active_children() == []


def test_an_error_in_one_process_ends_them_all(folder: Path, engine: benchmark.Engine) -> None:
    np.savez(folder / "last.npz", x=np.append(np.zeros((299, *SHAPE)), np.full((1, *SHAPE), np.nan), axis=0))
    evaluation = benchmark.open_evaluation(folder / "last.npz", None)
    work = benchmark.Work(folder / "float.tflite", engine, evaluation, None)
    with pytest.raises(benchmark.BenchmarkError, match="NaN"):
        benchmark.predict(work, workers=3, advance=lambda _: None)
    assert multiprocessing.active_children() == []


@given(count=st.integers(1, 5000), workers=st.integers(1, 8), most=st.integers(1, 300))
def test_chunks_are_all_samples_once_and_grow_smaller(count: int, workers: int, most: int) -> None:
    chunks = benchmark.share_out(count, workers, most=most)
    assert [sample for chunk in chunks for sample in chunk] == list(range(count))
    sizes = [len(chunk) for chunk in chunks]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= most
    # When the last chunk is taken, the others have at most one of the same size to go.
    assert sizes[-1] <= max(16, count // (4 * workers))


def test_one_worker_is_this_process(folder: Path, engine: benchmark.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(benchmark, "_side_by_side")
    evaluation = benchmark.open_evaluation(folder / "test.npz", None)
    work = benchmark.Work(folder / "float.tflite", engine, evaluation, "unit")
    told: list[int] = []
    found = benchmark.predict(work, workers=1, advance=told.append)
    assert found.classes.tolist() == EXPECTED.tolist()
    assert (sum(told), len(told) > 1) == (300, True)


@pytest.mark.slow
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_processes_take_chunks_whether_they_inherit_the_work_or_are_sent_it(
    folder: Path, engine: benchmark.Engine, monkeypatch: pytest.MonkeyPatch, start_method: str
) -> None:
    context = multiprocessing.get_context(start_method)
    monkeypatch.setattr(benchmark.multiprocessing, "get_context", lambda _: context)
    evaluation = benchmark.open_evaluation(folder / "test.npz", None)
    work = benchmark.Work(folder / "float.tflite", engine, evaluation, "unit")
    found = benchmark.predict(work, workers=3, advance=lambda _: None)
    assert found.classes.tolist() == EXPECTED.tolist()


def test_a_runtime_that_crashes_on_a_model_is_survived(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashing = benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})
    fake = folder / "fake.py"
    fake.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(benchmark, "__file__", str(fake))
    with pytest.raises(benchmark.BenchmarkError, match="ended by SIGSEGV while it ran"):
        benchmark.apart("--probe", folder / "float.tflite", crashing)


# --- preprocessing and quantization -----------------------------------------------------------------------------------


def test_preprocessing_is_that_of_keras_applications() -> None:
    # From the definition, in float64, for one RGB pixel.
    pixel = np.array([[[[200.0, 100.0, 50.0]]]])
    expected = {
        "raw": pixel,
        "unit": pixel / 255,
        "symmetric": pixel / 127.5 - 1,
        "caffe": np.array([[[[50 - 103.939, 100 - 116.779, 200 - 123.68]]]]),
        "torch": (pixel / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    }
    for name, value in expected.items():
        got = benchmark.to_input(pixel.astype(np.uint8), name, tensor("float32"))
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, value, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    ["mean-std:0.45,0.4,0.35/0.28,0.26,0.25", "mean-std:123.7,116.3,103.5/58.4,57.1,57.4", "mean-std:0.1307/0.3081"],
)
def test_mean_and_standard_deviation_are_those_of_an_export(name: str) -> None:
    from edgeswap.data.preprocess import from_name

    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3), dtype=np.uint8)
    into = benchmark.Tensor(0, ("x",), (1, 5, 5, 3), np.dtype(np.float32), 0.0, 0)
    np.testing.assert_array_equal(benchmark.to_input(pixels, name, into), from_name(name)(pixels))


@pytest.mark.parametrize("name", ["mean-std:1,2/3", "mean-std:0.5/0", "mean-std:a/b", "mean-std:", "units"])
def test_a_preprocess_that_is_none_is_wrong_usage(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        benchmark.parse(["a.tflite", "--preprocess", name])
    assert "--preprocess" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("preprocess", "scale", "zero_point"),
    [("raw", 1.0, -128), ("unit", 1 / 255, -128), ("symmetric", 2 / 255, -1), ("symmetric", 2 / 255, 0)],
)
def test_pixels_go_to_int8_by_a_subtraction(preprocess: str, scale: float, zero_point: int) -> None:
    pixels = np.arange(256, dtype=np.uint8)[:, None]
    into = tensor("int8", float(np.float32(scale)), zero_point)
    got = benchmark.to_input(pixels, preprocess, into)
    assert got.dtype == np.int8
    assert np.array_equal(got[:, 0], np.arange(-128, 128))
    # For raw and unit that is rounding; symmetric's zero point would be -0.5, so it is half a step off.
    real = benchmark.PREPROCESS[preprocess](pixels.astype(np.float32))
    steps = (real / into.scale + zero_point)[:, 0]
    np.testing.assert_allclose(np.abs(got[:, 0] - steps), 0.5 if preprocess == "symmetric" else 0.0, atol=1e-3)


def test_pixels_to_uint8_stay_as_they_are() -> None:
    pixels = np.arange(256, dtype=np.uint8)[:, None]
    assert np.array_equal(benchmark.to_input(pixels, "unit", tensor("uint8", 1 / 255, 0)), pixels)


def test_another_scale_is_rounded() -> None:
    got = benchmark.to_input(np.arange(256, dtype=np.uint8)[:, None], "unit", tensor("int8", 1 / 200, -100))
    expected = np.clip(np.rint(np.arange(256) / 255 * 200 - 100), -128, 127)
    assert np.array_equal(got[:, 0], expected)


@given(
    values=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=20),
    scale=st.floats(2**-10, 10, width=32),
    zero_point=st.integers(-128, 127),
)
def test_quantization_is_off_by_half_a_step_at_most(values: list[float], scale: float, zero_point: int) -> None:
    real = np.array(values, np.float32)[:, None]
    got = benchmark.to_input(real, None, tensor("int8", scale, zero_point)).astype(np.float64)
    low, high = (-128 - zero_point) * scale, (127 - zero_point) * scale
    # Half a step, and what float32 loses in x / scale + zero point below 2^24.
    error = np.abs((got - zero_point) * scale - np.clip(real, low, high))
    assert (error <= scale * (0.5 + 1e-4) + 1e-6 * np.abs(real)).all()


def test_integers_for_an_integer_input_stay_exact() -> None:
    tokens = np.array([[2**30 + 1]], np.int64)
    assert benchmark.to_input(tokens, None, tensor("int32"))[0, 0] == 2**30 + 1


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path, save: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "MAPPED_BYTES", 100)
    generator = np.random.default_rng(0)
    x = np.asfortranarray(generator.random((7, 5, 3)).astype(np.float32))
    y = generator.integers(0, 9, 7)
    save(tmp_path / "data.npz", x=x, y=y)
    evaluation = benchmark.open_evaluation(tmp_path / "data.npz", None)
    np.testing.assert_array_equal(evaluation.arrays["x"], x)
    assert evaluation.labels is not None
    np.testing.assert_array_equal(evaluation.labels, y)
    assert isinstance(evaluation.arrays["x"], np.memmap) == (save is np.savez)


# --- machine and warnings ---------------------------------------------------------------------------------------------


@pytest.fixture
def pi5(tmp_path: Path) -> Path:
    """The files by which a Raspberry Pi 5 is known, under a root of their own."""
    files = {
        "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
        "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n" * 4,
        "proc/meminfo": "MemTotal:        8245456 kB\nMemFree: 1 kB\n",
        "proc/stat": "cpu  100 20 30 9999 0 5 5 40 0 0\n",
        "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "ondemand\n",
        "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq": "2400000\n",
        "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1500000\n",
        "sys/class/thermal/thermal_zone0/temp": "53250\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_pi_is_known_by_its_files(pi5: Path) -> None:
    machine = benchmark.describe_machine(pi5)
    assert machine["board"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert machine["cpu"] == "Cortex-A76"
    assert machine["governor"] == "ondemand"
    assert machine["clock_max_mhz"] == 2400
    assert machine["memory_bytes"] == 8245456 * 1024
    state = benchmark.machine_state(pi5)
    assert state["temperature_c"] == 53.25
    assert state["clock_mhz"] == 1500


def test_other_programs_load_leaves_out_our_own(pi5: Path) -> None:
    ticks = 100 + 20 + 30 + 5 + 5 + 40
    expected = ticks / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])
    assert benchmark.others_cpu_s(pi5) == pytest.approx(expected, abs=0.2)


def test_a_machine_that_tells_nothing_is_described_by_nulls(tmp_path: Path) -> None:
    machine = benchmark.describe_machine(tmp_path)
    assert machine["board"] is machine["governor"] is machine["memory_bytes"] is None
    assert benchmark.machine_state(tmp_path)["temperature_c"] is None
    assert benchmark.others_cpu_s(tmp_path) is None


def test_throttled_bits_come_from_the_firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "vcgencmd"
    command.write_text("#!/bin/sh\necho throttled=0x50005\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert benchmark.machine_state()["throttled"] == 0x50005


def quiet_result() -> dict[str, Any]:
    """A result that deserves no warning."""
    state = {"throttled": 0}

    def model(kind: str, p50: float) -> dict[str, Any]:
        latency = {"p50": p50, "runs": 500, "outliers": 0, "steady": True, "warm_up_runs": 20}
        applied = [{"name": "xnnpack", "operators": 8, "partitions": 1}]
        return {
            "file": f"{kind}.tflite",
            "kind": kind,
            "latency_ms": latency,
            "delegates": applied,
            "operators": {"ADD": 1, "CONV_2D": 7},
        }

    return {
        "machine": {"governor": "performance", "before": state, "after": dict(state)},
        "other_load_cores": 0.0,
        "delegate": "xnnpack",
        "runtime": {"name": "ai-edge-litert"},
        "models": [model("float32", 2.0), model("int8", 1.0)],
    }


def test_an_int16_input_takes_rounded_values_and_xnnpack_is_not_missed() -> None:
    tensor = benchmark.Tensor(0, ("x",), (1, 2), np.dtype(np.int16), 1 / 32767, 0)
    real = np.array([[0.0, 1.0], [-0.5, 2.0]], np.float32)
    taken = benchmark.to_input(real, None, tensor)
    assert taken.dtype == np.int16
    assert taken.tolist() == [[0, 32767], [-16384, 32767]]  # -16383.5 is halfway: to even; 2.0 is clipped
    pixels = benchmark.to_input(np.array([[0, 255]], np.uint8), "unit", tensor)
    assert pixels.tolist() == [[0, 32767]]
    result = quiet_result()
    result["models"][1] |= {"kind": "int16x8", "delegates": []}
    assert benchmark.find_warnings(result) == []
    result["models"][1]["latency_ms"]["p50"] = 50.0
    (warning,) = benchmark.find_warnings(result)
    assert warning["name"] == benchmark.SLOWER_THAN_FLOAT
    assert warning["advice"].startswith("XNNPACK has no kernels for 16-bit activations")


def test_a_slow_dynamic_range_model_is_not_called_int8() -> None:
    result = quiet_result()
    result["models"][1] |= {"kind": "mixed"}
    result["models"][1]["latency_ms"]["p50"] = 50.0
    (warning,) = [found for found in benchmark.find_warnings(result) if "slower" in found["name"]]
    assert warning["name"] == "slower-than-float"
    assert warning["advice"].startswith("Part of it computes in float")


def test_each_of_several_slow_models_has_a_reason_of_its_own() -> None:
    result = quiet_result()
    second = copy.deepcopy(result["models"][1])
    result["models"].append(second)
    for model, taken in ((result["models"][1], 6), (second, 7)):
        model["delegates"] = [{"name": "xnnpack", "operators": taken, "partitions": 1}]
        model["latency_ms"]["p50"] = 50.0
    found = [found for found in benchmark.find_warnings(result) if "slower" in found["name"]]
    assert [[seen["model"] for seen in warning["seen"]] for warning in found] == [[1], [2]]
    assert [warning["advice"] for warning in found] == [
        f"XNNPACK runs {taken} of 8 operators: the others are slow." for taken in (6, 7)
    ]


@pytest.mark.parametrize(("partitions", "cut"), [(1, ""), (2, ", and cut the model into parts")])
def test_operators_at_the_ends_of_a_slow_model_cut_it_in_no_parts(partitions: int, cut: str) -> None:
    result = quiet_result()
    result["models"][1]["delegates"] = [{"name": "xnnpack", "operators": 6, "partitions": partitions}]
    result["models"][1]["latency_ms"]["p50"] = 50.0
    (warning,) = [found for found in benchmark.find_warnings(result) if "slower" in found["name"]]
    assert warning["advice"] == f"XNNPACK runs 6 of 8 operators: the others are slow{cut}."


def test_a_quiet_run_has_no_warnings() -> None:
    assert benchmark.find_warnings(quiet_result()) == []


@pytest.mark.parametrize(
    ("where", "value", "name"),
    [
        ("machine.before.throttled", 0x2, benchmark.THROTTLED),
        ("machine.after.throttled", 0x40000, benchmark.THROTTLED),
        ("machine.governor", "ondemand", benchmark.GOVERNOR),
        ("other_load_cores", 1.5, benchmark.OTHER_LOAD),
        ("models.0.latency_ms.runs", 50, benchmark.TOO_FEW_RUNS),
        ("models.1.latency_ms.outliers", 6, benchmark.OUTLIERS),
        ("models.1.latency_ms.steady", False, benchmark.NOT_STEADY),
        ("models.0.delegates", [], benchmark.DELEGATE_NOT_APPLIED),
        ("models.1.delegates", [], benchmark.DELEGATE_NOT_APPLIED),
        ("models.1.latency_ms.p50", 2.2, benchmark.INT8_SLOWER),
        ("delegate", "edgetpu", benchmark.DELEGATE_NOT_APPLIED),
    ],
)
def test_each_warning_has_its_cause(where: str, value: Any, name: str) -> None:
    result = quiet_result()
    *way, last = where.split(".")
    place: Any = result
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    assert [warning["name"] for warning in benchmark.find_warnings(result)] == [name]


def test_what_is_said_where_xnnpack_took_nothing_fits_the_runtime() -> None:
    result = quiet_result()
    for model in result["models"]:
        model["delegates"] = []
    (warning,) = benchmark.find_warnings(result)
    assert (warning["name"], [seen["model"] for seen in warning["seen"]]) == (benchmark.DELEGATE_NOT_APPLIED, [0, 1])
    assert warning["advice"].startswith("The plain kernels ran")
    plain, without = benchmark.find_warnings(result | {"runtime": {"name": "tflite-runtime"}})
    assert (plain["name"], [seen["model"] for seen in plain["seen"]]) == (benchmark.DELEGATE_NOT_APPLIED, [0])
    assert (without["name"], [seen["model"] for seen in without["seen"]]) == (benchmark.INT8_WITHOUT_XNNPACK, [1])
    assert "ai-edge-litert" in without["advice"]


def test_a_warning_of_both_models_is_one() -> None:
    result = quiet_result()
    for model, count in zip(result["models"], (60, 70), strict=True):
        model["latency_ms"]["outliers"] = count
    (warning,) = benchmark.find_warnings(result)
    assert warning["name"] == benchmark.OUTLIERS
    assert [(seen["model"], seen["detail"].split()[0]) for seen in warning["seen"]] == [(0, "60"), (1, "70")]


@pytest.mark.parametrize(
    ("delegate", "runtime", "taken", "p50", "said"),
    [
        ("none", "ai-edge-litert", 0, 2.2, "--delegate none"),
        ("/lib/other.so", "ai-edge-litert", 8, 2.2, "/lib/other.so"),
        ("xnnpack", "tflite-runtime", 0, 2.2, "try ai-edge-litert"),
        ("xnnpack", "ai-edge-litert", 6, 2.2, "6 of 8 operators"),
        ("xnnpack", "ai-edge-litert", 8, 2.2, "few channels"),
        ("xnnpack", "ai-edge-litert", 8, 0.007, "0.88 us an operator"),
    ],
)
def test_what_is_said_of_a_slow_int8_model_is_true_of_it(
    delegate: str, runtime: str, taken: int, p50: float, said: str
) -> None:
    result = quiet_result() | {"delegate": delegate, "runtime": {"name": runtime}}
    float32, int8 = result["models"]
    float32["latency_ms"]["p50"], int8["latency_ms"]["p50"] = p50 / 1.1, p50
    int8["delegates"] = [{"name": "xnnpack", "operators": taken, "partitions": 1}] if taken else []
    (warning,) = [found for found in benchmark.find_warnings(result) if found["name"] == benchmark.INT8_SLOWER]
    assert said in warning["advice"]
    assert ("try ai-edge-litert" in warning["advice"]) == (runtime == "tflite-runtime")
    float32["latency_ms"]["p50"] = p50 / 1.04  # the report calls this as fast
    assert benchmark.INT8_SLOWER not in [found["name"] for found in benchmark.find_warnings(result)]


def test_throttling_long_before_the_run_is_no_warning() -> None:
    result = quiet_result()
    result["machine"]["before"]["throttled"] = result["machine"]["after"]["throttled"] = 0x50000
    assert benchmark.find_warnings(result) == []


def test_every_warning_has_advice() -> None:
    texts = [value for key, value in vars(benchmark).items() if key.isupper() and isinstance(value, str)]
    names = {text for text in texts if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text)}
    assert names - {benchmark.INTERPRETER, benchmark.COMPILED} == set(benchmark.ADVICE)


def test_outliers_are_counted() -> None:
    times = np.r_[np.random.default_rng(0).normal(10, 0.2, 1000), [20.0, 25.0]]
    assert benchmark.count_outliers(times) == 2
    assert benchmark.count_outliers(np.full(10, 5.0)) == 0


# --- delegates --------------------------------------------------------------------------------------------------------

# A delegate that starts and takes nothing: the library interface of external delegates, whose struct begins with a data
# pointer and the function that is asked what to take.
DELEGATE = """
struct delegate { void *data; int (*prepare)(void *, struct delegate *); void *rest[8]; };
static int prepare(void *context, struct delegate *self) { return 0; }
static struct delegate one = {0, prepare};
void *tflite_plugin_create_delegate(char **keys, char **values, unsigned long count, void (*report)(const char *)) {
  if (count && report) { report("no such option"); return 0; }
  return &one;
}
void tflite_plugin_destroy_delegate(void *delegate) {}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    made = tmp_path_factory.mktemp("delegate")
    (made / "delegate.c").write_text(DELEGATE)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "delegate.so", "delegate.c"], cwd=made, check=True)
    return made / "delegate.so"


@pytest.mark.slow
def test_an_external_delegate_is_loaded_and_watched(folder: Path, library: Path) -> None:
    found = measured(folder, "int8.tflite", "--quick", "--delegate", str(library))
    assert found["delegate"] == str(library)
    assert benchmark.DELEGATE_NOT_APPLIED in [warning["name"] for warning in found["warnings"]]


@pytest.mark.slow
def test_delegates_that_do_not_load(folder: Path, library: Path, tmp_path: Path) -> None:
    options = ("--no-load", "--quick", "--delegate")
    assert "libnone.so" in refused(run(folder, "int8.tflite", *options, "libnone.so"))
    assert "libedgetpu" in refused(run(folder, "int8.tflite", "--quick", "--delegate", "edgetpu"))
    assert "tflite_plugin" in refused(run(folder, "int8.tflite", *options, "libc.so.6"))
    said = refused(run(folder, "int8.tflite", *options, str(library), "--delegate-option", "a=b"))
    assert "no such option" in said


def test_without_a_delegate(folder: Path) -> None:
    found = measured(folder, "int8.tflite", "--quick", "--delegate", "none", "--no-load")
    assert found["models"][0]["delegates"] == []
    assert benchmark.INT8_WITHOUT_XNNPACK not in [warning["name"] for warning in found["warnings"]]


# --- alone on a board -------------------------------------------------------------------------------------------------


def test_the_syntax_is_that_of_python_3_9() -> None:
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 9))
    # What 3.9 parses and fails on when it runs: newer built-ins' arguments, and `X | Y` of types outside annotations.
    called = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    newer = {"strict", "slots", "kw_only"}
    assert not [node.lineno for node in called if newer & {keyword.arg for keyword in node.keywords}]
    tests = [node.args[1] for node in called if isinstance(node.func, ast.Name) and node.func.id == "isinstance"]
    assert not [node.lineno for node in tests if isinstance(node, ast.BinOp)]
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Match)]


@pytest.mark.slow
@pytest.mark.rare
def test_tflite_runtime_really_cannot_run_under_numpy_2(folder: Path, tmp_path: Path) -> None:
    if sys.version_info >= (3, 12):
        pytest.skip("tflite-runtime 2.14 has no wheel for this Python")
    python = new_environment(tmp_path / "venv", "numpy>=2", "tflite-runtime==2.14.0")
    assert "needs numpy<2" in refused(run(folder, "float.tflite", python=python))
    # Where this no longer fails, NumPy 1 is no longer needed.
    opened = f"from tflite_runtime.interpreter import Interpreter; Interpreter({str(folder / 'float.tflite')!r})"
    done = subprocess.run([python, "-c", opened], capture_output=True, text=True, check=False)
    assert "SystemError" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("packages", "name"),
    [(["numpy", "ai-edge-litert"], "ai-edge-litert"), (["numpy<2", "tflite-runtime==2.14.0"], "tflite-runtime")],
)
def test_runs_alone_beside_a_runtime(folder: Path, tmp_path: Path, packages: list[str], name: str) -> None:
    if name == "tflite-runtime" and sys.version_info >= (3, 12):
        pytest.skip("tflite-runtime 2.14 has no wheel for this Python")
    python = new_environment(tmp_path / "venv", *packages)
    alone = tmp_path / "alone"
    alone.mkdir()
    for file in (SCRIPT, folder / "float.tflite", folder / "int8.tflite", folder / "test.npz"):
        shutil.copy(file, alone)
    options = ("--data", "test.npz", "--preprocess", "unit", "--quick", "--json", "result.json")
    done = run(alone, "float.tflite", "int8.tflite", *options, python=python, script=alone / SCRIPT.name)
    assert done.returncode == 0, done.stderr
    found = json.loads((alone / "result.json").read_text())
    assert found["runtime"]["name"] == name
    assert found["runtime"]["why"] == "the only one installed"
    assert found["models"][0]["accuracy"]["top1"] == 0.8
    warned = [warning["name"] for warning in found["warnings"]]
    assert (benchmark.INT8_WITHOUT_XNNPACK in warned) == (name == "tflite-runtime")


def one_loop(path: Path, pixels: np.ndarray) -> np.ndarray:
    """What the script is measured against: one interpreter of one thread in a Python loop."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    into, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    classes = []
    for pixel in pixels:
        interpreter.set_tensor(into, pixel[None].astype(np.float32) / 255)
        interpreter.invoke()
        classes.append(interpreter.get_tensor(out).argmax())
    return np.array(classes)


@pytest.mark.slow
def test_many_images_are_shared_out_among_processes(tmp_path: Path, engine: benchmark.Engine) -> None:
    generator = np.random.default_rng(0)
    weights = generator.integers(-3, 4, (400, 32 * 32 * 3))
    path = classifier(tmp_path / "wide.tflite", weights, (32, 32, 3))
    np.savez(tmp_path / "many.npz", x=generator.integers(0, 256, (2000, 32, 32, 3), dtype=np.uint8))
    evaluation = benchmark.open_evaluation(tmp_path / "many.npz", None)
    counts = []
    work = benchmark.Work(path, engine, evaluation, "unit")
    found = benchmark.predict(work, workers=3, advance=lambda _: counts.append(len(multiprocessing.active_children())))
    assert np.array_equal(found.classes, one_loop(path, evaluation.arrays["x"]))
    assert max(counts) == 3
