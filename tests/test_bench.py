"""`edgeswap bench`: two .tflite files in, the records of an export out, without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgeswap as api
from edgeswap.commands import bench as bench_module
from edgeswap.config.bench import bench_config
from edgeswap.errors import ConfigError, DataError, ModelError, OutputError, TargetError
from edgeswap.records import BenchReport
from edgeswap.statistics import wilson_interval
from edgeswap.targets import readiness
from edgeswap.targets.host import Host
from edgeswap.targets.measure import measure
from edgeswap.tasks.outputs import ModelOutput, Signature
from edgeswap.tflite.interface import interface
from tests.image_data import encoded, write_folder
from tests.test_measure import EXPECTED, PIXELS, SHAPE, WEIGHTS
from tests.tiny_tflite import Spec, adder, classifier

FLOAT, INT8 = "float.tflite", "int8.tflite"


@pytest.fixture
def work(place: Path) -> Path:
    """Two models of one classifier, and samples that one of them gets partly wrong."""
    classifier(place / FLOAT, WEIGHTS, SHAPE)
    classifier(place / INT8, WEIGHTS, SHAPE, scale=1 / 255)
    np.savez(place / "test.npz", x=PIXELS, y=EXPECTED)
    np.savez(place / "unlabelled.npz", x=PIXELS)
    return place


def bench(data="test.npz", **settings):
    chosen = {"data": data, "preprocess": "unit"} if data else {}
    return api.bench(FLOAT, INT8, **{**chosen, "runs": 100, **settings})


def test_masks_come_to_the_size_of_the_output_as_in_an_export(tmp_path):
    config = bench_config({"models": (FLOAT, INT8), "data": f"masks:{tmp_path}", "preprocess": "unit"})
    write_folder(tmp_path, {"images/a.png": encoded(np.zeros((8, 8, 3), np.uint8)),
                            "masks/a.png": encoded(np.eye(8, dtype=np.uint8))})  # fmt: skip
    model = Signature({"image": (8, 8, 3)}, (ModelOutput("map", (4, 4, 2), "softmax"),))
    samples = bench_module._samples(config, model)
    assert (samples.scoring.task.name, samples.dataset.labels[:].shape) == ("segmentation", (1, 4, 4))


@pytest.mark.slow
def test_it_says_what_measuring_says(work):
    report = bench()
    files, outputs = [work / FLOAT, work / INT8], work / "outputs.npz"
    (found,) = measure(Host(), files, work / "test.npz", outputs=outputs, preprocess="unit", runs=100)
    result, right = (
        found.result,
        [raw.real().argmax(axis=1) == EXPECTED for (raw,) in (found.baseline, found.candidate)],
    )
    (target,) = report.targets
    assert (target.name, target.runtime, target.cpu) == ("host", result.runtime, result.cpu)
    assert target.float32.quality == report.float32.quality
    assert target.int8.quality == report.int8.quality
    assert report.float32.quality.value == right[0].mean() == 1.0
    assert report.float32.quality.ci95 == wilson_interval(100, 100)
    assert 0.5 < report.int8.quality.value == right[1].mean() < 1
    assert report.comparison.drop == pytest.approx(100 * (1 - right[1].mean()))
    assert report.comparison.size_ratio == (work / FLOAT).stat().st_size / (work / INT8).stat().st_size
    assert report.task.name == "classification"
    assert (report.float32.file, report.float32.operators) == (FLOAT, {"FULLY_CONNECTED": 1})
    assert (report.int8.file, report.int8.float_tensors, report.precision) == (INT8, 0, "int8")
    assert (report.data.source, report.data.samples, report.preprocess) == ("test.npz", 100, "unit")
    assert target.int8.latency_ms.runs == 100
    assert report.command == []


@pytest.mark.slow
def test_without_labels_and_with_fewer_samples(work):
    report = bench("unlabelled.npz", target_samples=10)
    assert report.int8.quality.samples == 10
    assert (report.float32.quality.value, report.comparison.drop) == (None, None)
    assert report.task.name == "outputs"  # plain numbers without labels are not taken for scores of classes
    (output,) = report.comparison.outputs
    assert report.int8.quality.value == output.snr_db > 0


@pytest.mark.slow
def test_the_task_and_the_metric_may_be_named(work):
    report = bench("unlabelled.npz", task="classification", runs=None, quick=True)
    assert (report.task.name, report.task.reason) == ("classification", "--task classification")
    assert 0.5 < report.comparison.agreement < 1
    assert bench(metric="macro_f1", runs=None, quick=True).comparison.metric == "macro_f1"
    with pytest.raises(ConfigError, match=r"for metric=\.\.\., got none"):
        bench(None, metric="macro_f1")
    with pytest.raises(ConfigError, match="decode"):
        bench("unlabelled.npz", task="detection")


@pytest.mark.slow
def test_latency_alone(work):
    report = bench(None, quick=True, runs=None, threads=2)
    assert (report.data, report.preprocess, report.comparison) == (None, None, None)
    assert report.int8.quality is report.task is None
    assert report.targets[0].int8.latency_ms.threads == 2
    assert report.targets[0].speedup_p50 > 0


@pytest.mark.slow
def test_arrays_from_python_and_a_delegate_by_name(work):
    report = bench((PIXELS, EXPECTED), delegate="none")
    assert report.data.source == "tuple"
    assert report.targets[0].delegate == "none"


@pytest.mark.slow
def test_what_is_written_is_what_is_returned_and_replaces_nothing_unasked(work):
    report = bench(output="sub/bench.json")
    assert BenchReport.model_validate_json((work / "sub" / "bench.json").read_text()) == report
    with pytest.raises(OutputError, match="exists"):
        bench(output="sub/bench.json")
    assert bench(output="sub/bench.json", overwrite=True).created >= report.created
    assert {path.name for path in work.iterdir()} == {FLOAT, INT8, "test.npz", "unlabelled.npz", "sub"}


@pytest.mark.slow
def test_the_command(work, capfd):
    from edgeswap.cli.main import run

    flags = ["--data", "test.npz", "--preprocess", "unit", "--samples", "20", "--runs", "50", "-o", "bench.json"]
    assert run(["bench", FLOAT, INT8, *flags, "--json"]) == 0
    printed = capfd.readouterr().out
    document = json.loads(printed)
    assert document == json.loads((work / "bench.json").read_text())
    assert document["command"][:3] == ["edgeswap", "bench", FLOAT]
    assert document["data"]["samples"] == 100
    assert document["int8"]["quality"]["samples"] == 20
    assert run(["bench", FLOAT, INT8, "--quick"]) == 0
    shown = capfd.readouterr().out
    assert shown.startswith("Measured: the int8 model is ")
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.slow
def test_a_float_model_that_scores_chance_is_doubted_but_its_latency_holds(work):
    assert not any("baseline-near-chance" in text for text in bench().targets[0].warnings)
    report = bench((PIXELS, (EXPECTED + 1) % 3))
    assert any("baseline-near-chance" in text and "--preprocess" in text for text in report.targets[0].warnings)
    assert report.targets[0].speedup_p50 > 0


@pytest.mark.slow
def test_a_baseline_with_one_answer_for_everything_is_doubted(work):
    classifier(work / FLOAT, np.zeros_like(WEIGHTS), SHAPE)
    report = bench()
    assert any(
        "one-answer: The float32 model gives class 0 for 100 of 100" in text for text in report.targets[0].warnings
    )


@pytest.mark.slow
def test_an_npu_is_estimated_and_its_file_is_not_kept(work):
    if readiness.missing("ethos-u55-128"):
        pytest.skip("Vela is not installed")
    report = bench(target=("host", "ethos-u55-128"))
    (npu,) = report.npus
    assert (npu.accelerator, npu.file, npu.npu_operators) == ("ethos-u55-128", None, {"FULLY_CONNECTED": 1})
    assert not list(work.glob("*ethos*"))


@pytest.mark.slow
def test_without_its_compiler_an_edge_tpu_is_judged_and_the_figures_are_said_to_be_the_cpus(work, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    report = bench(delegate="edgetpu")
    assert report.edgetpu.basis.startswith("Coral's table")
    assert report.edgetpu.tpu_operators == {"FULLY_CONNECTED": 1}
    assert report.targets[0].delegate == "xnnpack"
    assert any("not-on-the-edge-tpu: these figures are the CPU's" in text for text in report.targets[0].warnings)


# --- any pair, and more than two --------------------------------------------------------------------------------------


@pytest.fixture
def others(work: Path) -> Path:
    """The int8 classifier as other tools write it: another input's name, and uint8 throughout."""
    from ai_edge_litert import schema_py_generated as schema

    from tests import tiny_tflite

    tiny_tflite.TYPES.setdefault("uint8", schema.TensorType.UINT8)
    options = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    dense = (schema.BuiltinOperator.FULLY_CONNECTED, 4, *options, (0, 1, -1))
    for name, dtype, zero in (("named.tflite", "int8", -128), ("uint8.tflite", "uint8", 0)):
        middle = zero + 128
        tensors = [
            Spec("input_1_int8", (1, *SHAPE), dtype, 1 / 255, zero),
            Spec("weights", WEIGHTS.shape, dtype, 1.0, middle, (WEIGHTS + middle).astype(dtype)),
            Spec("logits", (1, len(WEIGHTS)), dtype, 64 / 255, middle),
        ]
        tiny_tflite.write(work / name, tensors, dense, (0,), (2,))
    return work


@pytest.mark.slow
def test_inputs_of_other_names_and_uint8_ends_are_given_the_same_samples(others):
    plain = bench()
    for name in ("named.tflite", "uint8.tflite"):
        report = api.bench(FLOAT, name, data="test.npz", preprocess="unit", quick=True)
        # uint8 is int8 moved by 128: the very same figures.
        assert (report.int8.quality, report.precision) == (plain.int8.quality, "int8")
        assert report.comparison.drop == plain.comparison.drop


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "names", "precisions"),
    [
        ((INT8, FLOAT), ("int8", "float32"), ("int8", "float32")),
        ((INT8, "named.tflite"), ("int8.tflite", "named.tflite"), ("int8", "int8")),
        ((INT8, INT8), ("1: int8.tflite", "2: int8.tflite"), ("int8", "int8")),
    ],
)
def test_any_precision_may_come_first(files, names, precisions, others):
    report = api.bench(*files, data="test.npz", preprocess="unit", quick=True)
    assert (report.baseline, report.candidates[0].name) == names
    assert (report.baseline_precision, report.precision) == precisions
    better = interface((others / files[1]).read_bytes()).precision == "float32"
    assert (report.comparison.drop < 0) == better
    assert (report.float32.file, report.int8.file) == files


@pytest.mark.slow
def test_more_than_two_are_each_compared_with_the_first(others, capfd):
    from edgeswap.cli.main import run

    flags = ["--data", "test.npz", "--preprocess", "unit", "--quick", "-o", "bench.json"]
    assert run(["bench", FLOAT, INT8, FLOAT, "uint8.tflite", *flags]) == 0
    shown = capfd.readouterr().out
    report = BenchReport.model_validate_json((others / "bench.json").read_text())
    assert [candidate.model.file for candidate in report.candidates] == [INT8, FLOAT, "uint8.tflite"]
    first, second, third = report.candidates
    assert (report.int8, report.comparison, report.targets) == (first.model, first.comparison, first.targets)
    assert (first.model.quality, second.model.quality.value) == (third.model.quality, 1.0)
    assert (second.comparison.drop, second.comparison.agreement) == (0.0, 1.0)
    assert first.comparison.drop == third.comparison.drop > 0
    for candidate in report.candidates:
        (target,) = candidate.targets
        assert target.float32 == report.targets[0].float32
        assert target.speedup_p50 == pytest.approx(target.float32.latency_ms.p50 / target.int8.latency_ms.p50)
    assert len({candidate.targets[0].int8.latency_ms.mean for candidate in report.candidates}) == 3
    warned = [text for candidate in report.candidates for text in candidate.targets[0].warnings]
    assert len(warned) == len(set(warned))
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split()[0] for line in lines if " / " in line and " ms" in line]
    assert rows == ["1:", "2:", "3:", "4:"]  # all alike: two are one file
    assert sum(line.startswith("Measured: ") for line in lines) == 3


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "settings", "kind", "problem", "remedy"),
    [
        ((FLOAT,), {}, ConfigError, r"two \.tflite files or more.*got 'float\.tflite' alone", "edgeswap bench"),
        ((), {}, ConfigError, r"two \.tflite files or more.*got none", "edgeswap bench"),
        ((FLOAT, INT8, INT8), {"delegate": "edgetpu"}, ConfigError, 'two .* for delegate="edgetpu"', "one pair"),
        (
            (FLOAT, INT8, INT8),
            {"target": ("host", "ethos-u55-128")},
            ConfigError,
            "two .* for target=.*ethos-u55-128",
            "one pair",
        ),
        (("missing.tflite", INT8), {}, ModelError, "'missing.tflite' is not there", "path"),
        ((FLOAT, "."), {}, ModelError, r"'\.' is not there", "path"),
        ((FLOAT, "model.keras"), {}, ModelError, "a Keras model", "edgeswap export"),
        (("test.npz", INT8), {}, ModelError, "Expected a TFLite file", ".tflite"),
        ((FLOAT, "cut.tflite"), {}, ModelError, "Expected a whole TFLite file", "truncated"),
        (
            (FLOAT, "wide.tflite"),
            {},
            ModelError,
            r"same inputs, got x \(4, 4, 1\) in .* and x \(4, 8, 1\)",
            "one Keras",
        ),
        ((FLOAT, "five.tflite"), {}, ModelError, r"same outputs, got \(1, 3\) in .* and \(1, 5\)", "one Keras"),
        ((FLOAT, INT8), {"preprocess": "unit"}, ConfigError, r"Expected data=\.\.\. for preprocess=", "data="),
        ((FLOAT, INT8), {"target_samples": 3}, ConfigError, r"Expected data=\.\.\. for target_samples=", "data="),
        ((FLOAT, INT8), {"data": "test.npz"}, DataError, "a .tflite does not tell", "unit"),
        ((FLOAT, INT8), {"data": "nothing.npz"}, DataError, "does not exist", "folder"),
        ((FLOAT, INT8), {"data": "wide.npz", "preprocess": "unit"}, DataError, r"\(samples, 4, 4, 1\)", "Reshape"),
        ((FLOAT, INT8), {"target": "moon"}, ConfigError, "got 'moon'", "host"),
        ((FLOAT, INT8), {"delegate": "./libnothing.so"}, TargetError, "'./libnothing.so' is not there", "library"),
        ((FLOAT, INT8), {"output": "bench.txt"}, ConfigError, "ends in .json", "bench.json"),
        ((FLOAT, INT8), {"runs": 0}, ConfigError, r"at least 1 for runs=\.\.\., got 0", "help(edgeswap.bench)"),
        ((FLOAT, INT8), {"threads": True}, ConfigError, "whole number for threads=", "help(edgeswap.bench)"),
    ],
)
def test_what_cannot_be_benched(arguments, settings, kind, problem, remedy, *, work):
    (work / "model.keras").touch()
    (work / "cut.tflite").write_bytes((work / INT8).read_bytes()[:-100])
    classifier(work / "wide.tflite", np.ones((3, 32), np.int64), (4, 8, 1), scale=1 / 255)
    classifier(work / "five.tflite", np.ones((5, 16), np.int64), SHAPE, scale=1 / 255)
    np.savez(work / "wide.npz", x=np.zeros((3, 4, 8, 1), np.uint8))
    before = sorted(work.iterdir())
    with pytest.raises(kind, match=problem) as raised:
        api.bench(*arguments, **settings)
    assert remedy in raised.value.remedy
    assert sorted(work.iterdir()) == before


def test_a_model_of_two_inputs_is_told_by_their_names(work):
    adder(work / "two.tflite", 3)
    with pytest.raises(ModelError, match=r"got left \(3,\), right \(3,\) in .* and x \(4, 4, 1\)"):
        api.bench("two.tflite", INT8)


def test_a_target_that_is_not_ready_is_told_before_anything_is_read(work, monkeypatch):
    monkeypatch.setattr(readiness, "missing", lambda name: [f"No tool for {name}."])
    with pytest.raises(TargetError, match=r"ssh://pi@board: expected its tools on this machine, got: No tool"):
        api.bench("missing.tflite", "missing.tflite", target="ssh://pi@board")


@pytest.mark.slow
def test_it_needs_no_tensorflow(work):
    code = f"""
import sys
from edgeswap.cli.main import run
code = run(["bench", {FLOAT!r}, {INT8!r}, "--quick", "--data", "test.npz", "--preprocess", "unit", "--json"])
sys.exit(code or bool({{"tensorflow", "keras", "tf_keras"}} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["schema"] == "edgeswap.bench/2"


def test_settings():
    two = {"models": ("a", "b")}
    config = bench_config({**two, "target": (), "data": None, "quick": False})
    assert (config.target, config.threads, config.delegate, config.library) == (("host",), 1, None, None)
    assert bench_config({**two, "delegate": "lib.so"}).library == "lib.so"
    for own in ("xnnpack", "none", "edgetpu"):
        assert bench_config({**two, "delegate": own}).library is None


# --- what a .tflite is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "precision"),
    [
        ("float32", "float32"),
        ("int8", "dynamic_range"),
        ("uint8", "dynamic_range"),
        ("float16", "float16"),
    ],
)
def test_precision_is_told_by_the_tensors(dtype, precision, tmp_path):
    from ai_edge_litert import schema_py_generated as schema

    from tests import tiny_tflite

    tiny_tflite.TYPES.setdefault(dtype, getattr(schema.TensorType, dtype.upper()))
    constant = {"int16": np.int16, "uint8": np.uint8, "float16": np.float16}.get(dtype, np.dtype(dtype).type)
    tensors = [Spec("serving_default_x:0", (1, 3)), Spec("c", (1, 3), dtype, values=np.ones((1, 3), constant))]
    options = (schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
    operator = (schema.BuiltinOperator.ADD, 1, *options, (0, 1))
    path = tiny_tflite.write(tmp_path / "m.tflite", [*tensors, Spec("y", (1, 3))], operator, (0,), (2,))
    found = interface(path.read_bytes())
    assert (found.precision, dict(found.inputs), found.classes) == (precision, {"x": (3,)}, 3)


@pytest.mark.parametrize(("dtype", "precision"), [("int8", "int8"), ("uint8", "int8"), ("int16", "int16x8")])
def test_precision_is_that_of_what_is_computed(dtype, precision, tmp_path):
    from ai_edge_litert import schema_py_generated as schema

    from tests import tiny_tflite

    tiny_tflite.TYPES.setdefault(dtype, getattr(schema.TensorType, dtype.upper()))
    options = (schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
    tensors = [Spec("x", (1, 3), dtype, 0.1), Spec("y", (1, 3), dtype, 0.1)]
    path = tiny_tflite.write(
        tmp_path / "m.tflite", tensors, (schema.BuiltinOperator.ADD, 1, *options, (0, 0)), (0,), (1,)
    )
    assert interface(path.read_bytes()).precision == precision
