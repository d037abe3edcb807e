"""Whole runs: tiny networks fast, the digits network by every activation and method slowly."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

import edgeswap as api
from edgeswap.targets.host import Host
from edgeswap.targets.readiness import missing
from tests.models import classifier, digits, means
from tests.moody_targets import Moody

COMMAND = str(Path(sysconfig.get_path("scripts")) / "edgeswap")
FILES = {"model_float32.tflite", "model_int8.tflite", "report.json", "report.html", "bundle.zip"}
PTQ = ["--method", "ptq"]


def schema() -> dict:
    import edgeswap.report

    return json.loads((Path(edgeswap.report.__file__).parent / "report.schema.json").read_text())


def assert_sound(output: Path) -> dict:
    """What holds of every finished run; its report."""
    assert {path.name for path in output.iterdir()} == FILES
    report = json.loads((output / "report.json").read_text())
    jsonschema.validate(report, schema())
    int8 = report["int8"]
    assert (int8["float_tensors"], int8["float_operators"]) == (0, [])
    assert int8["size_bytes"] == (output / "model_int8.tflite").stat().st_size
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(output / "model_int8.tflite"))
    ends = interpreter.get_input_details() + interpreter.get_output_details()
    assert {end["dtype"] for end in ends} == {np.int8}
    assert not list(output.parent.glob(".edgeswap-*"))
    assert "tensorflow" in report["versions"]
    scale, zero_point = ends[0]["quantization"]
    for example in report["input_examples"]:
        steps = np.array(example["real"]) / scale + zero_point
        assert np.abs(np.clip(steps, -128, 127) - example["int8"]).max() <= 0.51  # `symmetric` is half a step off
    for one in (report["ranges"] or {"activations": []})["activations"]:
        for ends_of_range in (one["before"], one["after"]):
            assert ends_of_range[0] <= 0 <= ends_of_range[1]
        assert one["bounds"][1] is None or one["after"][1] <= one["bounds"][1] + 1e-6
    return report


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_limits_overwriting_and_json(place, tiny, edgeswap):
    flags = ["--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--preprocess", "unit", *PTQ]
    held = edgeswap("export", tiny / "tiny.keras", *flags, "--max-drop", 100, "--max-size", 10**6, "--json")
    report = json.loads(held.stdout)
    jsonschema.validate(report, schema())
    assert report == assert_sound(place / "out")
    assert held.code == 0
    assert [(limit["name"], limit["passed"]) for limit in report["limits"]] == [("max_drop", True), ("max_size", True)]
    assert report["command"][:2] == ["edgeswap", "export"]
    assert report["method"] == "ptq"
    assert report["activations"] == {"swapped": [], "skipped": []}
    assert report["data"]["test"]["samples"] == report["float32"]["quality"]["samples"] == 80
    assert report["float32"]["quality"]["value"] > 0.8

    limits = ["--max-drop", 100, "--max-size", 100, "--max-latency-ms", 0.000001]
    missed = edgeswap("export", tiny / "tiny.keras", *flags, *limits, "--overwrite", "--target-samples", 30)
    second = assert_sound(place / "out")
    assert missed.code == 3
    assert [limit["passed"] for limit in second["limits"]] == [True, False, False]
    assert second["passed"] is False
    assert second["int8"]["quality"]["samples"] == 30
    assert missed.stdout.startswith("Failed (max_latency_ms")
    assert max(map(len, missed.stdout.splitlines())) <= 80
    assert "\x1b" not in missed.stdout + missed.stderr
    assert second["created"] >= report["created"]


@pytest.mark.slow
def test_a_folder_of_photographs_and_a_model_with_its_own_rescaling(place, tiny, edgeswap):
    for part in ("train", "test"):
        for index, (pixels, label) in enumerate(zip(*digits(part), strict=True)):
            folder = place / part / f"digit_{label}"
            folder.mkdir(parents=True, exist_ok=True)
            # Larger than the input, so that they are resized.
            image = Image.fromarray(pixels[..., 0]).resize((24, 24), Image.Resampling.NEAREST)
            image.save(folder / f"{index}.jpg", quality=95)
    flags = ["--data", "train", "--test-data", "test", "--activation", "relu6", "--recover-epochs", 1, *PTQ]
    ran = edgeswap("export", tiny / "old.h5", *flags)
    assert (ran.code, ran.stderr) == (0, "") or ran.stderr.count("(") == ran.stderr.count("\n")
    report = assert_sound(place / "out")
    assert report["data"]["preprocess"] == "raw"
    assert "bilinear" in report["data"]["resize"]
    assert report["activations"]["swapped"] == [{"layer": "act", "from": "swish", "to": "relu6"}]
    assert report["float32"]["quality"]["value"] > 0.8
    assert report["float32_recovered"]["quality"]["value"] >= report["float32_swapped"]["quality"]["value"] - 0.05
    assert report["float32_finetuned"] is None


def test_settings_from_the_file_stand_below_the_flags(place, tiny, edgeswap):
    lines = ["[export]", f'data = "{tiny / "train.npz"}"', 'preprocess = "nonsense"', "overwrite = true"]
    (place / "edgeswap.toml").write_text("\n".join(lines))
    ran = edgeswap("export", tiny / "tiny.keras", "--data", "missing.npz", "--preprocess", "unit")
    assert "missing.npz" in ran.stderr


# --- targets ----------------------------------------------------------------------------------------------------------


def opened(*targets):
    """What `open_targets` is to give in its place."""
    return lambda names, *, keep: list(targets)


@pytest.fixture
def flags(tiny):
    return [
        tiny / "tiny.keras",
        *("--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--preprocess", "unit"),
        *PTQ,
    ]


@pytest.mark.slow
def test_a_bench_of_what_was_exported_says_what_the_export_says(place, tiny, flags, edgeswap):
    npus = [] if missing("ethos-u55-128") else ["--target", "host", "--target", "ethos-u55-128"]
    assert edgeswap("export", *flags, *npus, "--delegate", "edgetpu").code == 0
    exported = json.loads((place / "out" / "report.json").read_text())
    models = [place / "out" / name for name in ("model_float32.tflite", "model_int8.tflite")]
    data = ["--data", tiny / "test.npz", "--preprocess", "unit"]
    ran = edgeswap("bench", *models, *data, *npus, "--delegate", "edgetpu", "--json")
    assert ran.code == 0
    benched = json.loads(ran.stdout)
    for key in ("edgeswap", "precision", "float32", "int8", "comparison", "failures", "edgetpu"):
        assert benched[key] == exported[key], key
    assert {**benched["data"], "source": ""} == {**exported["data"]["test"], "source": ""}
    assert [{**npu, "file": None} for npu in exported["npus"]] == benched["npus"]
    assert len(benched["npus"]) == len(npus) // 4
    for mine, other in zip(benched["targets"], exported["targets"], strict=True):
        for key in ("name", "machine", "cpu", "runtime", "delegate"):
            assert mine[key] == other[key]
        for model in ("float32", "int8"):
            assert mine[model]["quality"] == other[model]["quality"]
            assert set(mine[model]["latency_ms"]) == set(other[model]["latency_ms"])
    if npus:
        assert (place / "out" / "model_int8_ethos-u55-128.tflite").stat().st_size == exported["npus"][0]["size_bytes"]


@pytest.mark.slow
def test_a_target_that_fails_takes_neither_models_nor_figures_from_the_others(place, flags, edgeswap, monkeypatch):
    failing = Moody("ssh://pi@board", place, "fails")
    monkeypatch.setattr("edgeswap.commands.proof.open_targets", opened(failing, Host()))
    targets = ["--target", "ssh://pi@board", "--target", "host", "--max-latency-ms", 1000, "--max-drop", 100]
    ran = edgeswap("export", *flags, *targets)
    report = assert_sound(place / "out")
    assert ran.code == 1
    assert report["passed"] is False
    assert [limit["name"] for limit in report["limits"]] == ["max_drop"]  # the latency limit is the first target's
    assert report["failures"] == [
        {
            "name": "ssh://pi@board",
            "problem": "ssh://pi@board: expected a good day, got none.",
            "remedy": "Try tomorrow.",
        }
    ]
    assert [target["name"] for target in report["targets"]] == ["host"]
    assert report["float32"]["quality"] == report["targets"][0]["float32"]["quality"]
    assert "error: 1 of 2 targets gave no figures: ssh://pi@board." in ran.stderr
    assert ran.stdout.startswith("Incomplete (no figures from ssh://pi@board)")
    assert "expected a good day" in (place / "out" / "report.html").read_text()


MODELS = {"model_float32.tflite", "model_int8.tflite"}


@pytest.mark.slow
def test_where_all_targets_fail_the_models_are_kept(place, tiny, flags, edgeswap, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("edgeswap.commands.proof.open_targets", opened(Moody("host", place, "fails")))
        ran = edgeswap("export", *flags, "--no-cache")
    *_, problem, remedy = ran.stderr.splitlines()
    assert (ran.code, ran.stdout) == (1, "")
    assert problem == "error: host: expected a good day, got none."
    assert remedy.startswith("Try tomorrow. What was made is kept in out.partial: model_float32.tflite, model_int8")
    assert [path.name for path in place.iterdir()] == ["out.partial"]
    assert {path.name for path in (place / "out.partial").iterdir()} == MODELS
    bench = shlex.split(remedy.partition("measure them with edgeswap ")[2].rstrip("."))
    assert edgeswap(*bench, "--quick").code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    # Where measuring fails, `test_where_all_targets_fail_the_models_are_kept` has it too.
    [pytest.param("proof.measure_all", marks=pytest.mark.rare), "reported.make_bundle"],
)
def test_a_fault_of_edgeswap_s_own_takes_no_models_along(broken, place, flags, edgeswap, monkeypatch):
    def failing(*_args, **_options):
        raise KeyError("speedup")

    monkeypatch.setattr(f"edgeswap.commands.{broken}", failing)
    ran = edgeswap("export", *flags, "--no-cache")
    *_, problem, remedy = ran.stderr.splitlines()
    assert (ran.code, ran.stdout) == (1, "")
    assert problem == "error: edgeswap itself failed: KeyError: 'speedup'"
    assert "What was made is kept in out.partial: " in remedy
    assert [path.name for path in place.iterdir()] == ["out.partial"]
    kept = {path.name for path in (place / "out.partial").iterdir()}
    assert kept == (MODELS if broken == "proof.measure_all" else FILES - {"bundle.zip"})


@pytest.mark.slow
def test_trained_models_are_kept_as_soon_as_they_exist_and_can_be_gone_on_with(
    place, tiny, flags, edgeswap, monkeypatch
):
    def failing(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr("edgeswap.commands.converted.convert_all", failing)
    qat = [*flags[: flags.index("--method")], "--activation", "clipped_elu", "--recover-epochs", 1, "--epochs", 1]
    ran = edgeswap("export", *qat, "--no-cache")  # the run store keeps them else
    assert ran.code == 1
    assert "edgeswap.load_qat('out.partial/model_qat.zip')" in ran.stderr
    partial = place / "out.partial"
    trained = {"model_recovered.keras", "model_control.keras", "model_qat.zip"}
    assert {path.name for path in partial.iterdir()} == trained
    with np.load(tiny / "test.npz") as data:
        x, y = data["x"].astype(np.float32) / 255, data["y"]
    assert np.mean(np.asarray(api.load_qat(partial / "model_qat.zip")(x)).argmax(axis=1) == y) > 0.8
    from edgeswap.commands.source import open_source
    from edgeswap.graph.build import build
    from edgeswap.progress import Silent

    for name in ("model_recovered.keras", "model_control.keras"):
        source = open_source(partial / name, seed=0, progress=Silent())  # as an export that goes on from it
        assert np.mean(np.asarray(build(source.graph)(x)).argmax(axis=1) == y) > 0.8


@pytest.mark.slow
def test_a_fake_quant_model_that_cannot_be_saved_is_told_before_training(place, tiny, flags, edgeswap, monkeypatch):
    def failing(*_args, **_options):
        raise TypeError("no get_config")

    monkeypatch.setattr("edgeswap.frameworks.tf_keras.Model.save", failing)
    monkeypatch.setattr("edgeswap.commands.fine_tuning.train", None)
    qat = flags[: flags.index("--method")]
    ran = edgeswap("export", *qat, "--save-qat")
    assert ran.code == 1
    assert "error: Expected a fake-quant model that can be saved, got: no get_config" in ran.stderr
    assert list(place.iterdir()) == []


@pytest.mark.slow
def test_a_float_model_near_chance_stops_the_run_unless_the_user_knows(place, tiny, edgeswap, monkeypatch):
    with np.load(tiny / "test.npz") as data:
        np.savez("strange.npz", x=data["x"], y=np.random.default_rng(0).permutation(data["y"]))
    data = ["--data", tiny / "train.npz", "--test-data", "strange.npz", "--preprocess", "unit"]
    flags = [tiny / "tiny.keras", *data, *PTQ]
    refused = edgeswap("export", *flags)
    assert refused.code == 1
    assert "chance is 10.0%" in refused.stderr
    assert refused.stderr.rstrip().endswith("If the data and the model are right, pass --allow-chance.")
    assert not list(place.glob("out*"))
    with monkeypatch.context() as patched:
        patched.setattr("edgeswap.commands.converted.convert_all", None)
        limited = edgeswap("export", *flags, "--max-drop", 5)
    assert "'NoneType' object is not callable" in limited.stderr  # it went on to the conversion
    allowed = edgeswap("export", *flags, "--allow-chance")
    assert allowed.code == 0
    (caution,) = (warning for warning in assert_sound(place / "out")["warnings"] if warning["kind"] == "near_chance")
    assert f"warning: {caution['problem']}\n{caution['remedy']}\n" in allowed.stderr
    assert allowed.stdout.index("warning  ") < allowed.stdout.index("float32  ")


def test_a_missing_tool_is_told_before_training(place, tiny, flags, edgeswap, monkeypatch):
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setattr("edgeswap.commands.export.export", None)
    ran = edgeswap("export", *flags, "--target", "host", "--target", "emulator:pi5")
    assert ran.code == 1
    assert "emulator:pi5: expected its tools on this machine, got: qemu-aarch64 is not on PATH." in ran.stderr
    assert list(place.iterdir()) == []


# --- from Python ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.rare  # test_splits.py exports one of two inputs, test_tfmot_issues.py trains one
def test_a_tf_keras_model_with_several_inputs(place):
    from edgeswap.frameworks import tf_keras

    model = classifier(tf_keras, inputs=2)
    x, y = digits("train")
    images = (x / 255).astype(np.float32)
    np.savez(place / "data.npz", image=images, mean=means(images), y=y)
    report = api.export(model, data="data.npz", method="ptq", output="out", max_drop=5).report
    assert_sound(place / "out")
    assert report.command == []
    assert report.model.source == "a model object"
    assert report.data.preprocess == "none"
    assert report.data.train is None  # nothing was trained
    assert report.data.test.samples == round(0.2 * len(y))
    assert report.passed


@pytest.mark.slow
def test_unlabelled_data_by_distillation_of_a_keras_3_model(place):
    from edgeswap.frameworks import keras

    model = classifier(keras)
    before = model.get_weights()
    x, _ = digits("train")
    report = api.export(model, data=x, test_data=digits("test")[0], preprocess="unit", epochs=1, output="out").report
    assert_sound(place / "out")
    accuracies = (report.float32.quality, report.float32_finetuned.quality, report.int8.quality)
    assert [(found.metric, found.samples) for found in accuracies] == [("snr_db", 80)] * 3
    assert report.task.name == "outputs"  # logits without labels are plain numbers
    assert (report.comparison.drop, report.comparison.mcnemar_p) == (None, None)
    assert report.int8.quality.value > 20
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
@pytest.mark.rare  # test_custom_objects.py reads such layers, and test_convert.py calibrates them
def test_a_layer_of_the_users_own(place, monkeypatch):
    (place / "mylayers.py").write_text(
        "import tf_keras\n\nclass Halved(tf_keras.layers.Layer):\n    def call(self, x):\n        return x * 0.5\n"
    )
    monkeypatch.syspath_prepend(str(place))
    import mylayers

    from edgeswap.frameworks import tf_keras

    classifier(tf_keras, extra=mylayers.Halved(name="halved")).save(place / "own.keras")
    x, y = digits("train")
    report = api.export(
        "own.keras", data=(x, y), preprocess="unit", method="ptq", custom_objects=["mylayers:Halved"], output="out"
    ).report
    assert_sound(place / "out")
    assert report.left_to_calibration == ["halved"]


def test_settings_from_python_that_cannot_be(place):
    from edgeswap.errors import ConfigError

    with pytest.raises(ConfigError, match="output folder for save_qat"):
        api.export(save_qat=True)
    with pytest.raises(ConfigError, match="at least 1"):
        api.export(digits("train")[0], data=digits("train")[0], epochs=0)


# --- interrupted ------------------------------------------------------------------------------------------------------


def processes_of(marker: str) -> dict[int, str]:
    """Process id to command line of what has `marker` in its environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"EDGESWAP_TEST={marker}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


MOMENTS = {
    "trains": lambda running, work: list(
        Path(os.environ["EDGESWAP_CACHE_DIR"]).glob("[0-9a-f]*/weights.npz")
    ),  # an epoch is done
    # The command itself, its two children, which are forks of it, and a fork of the one that converts.
    "converts": lambda running, work: len([c for c in running.values() if "edgeswap" in c]) > 3,
    "measures": lambda running, work: any("benchmark.py" in command for command in running.values()),
}


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param("trains", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("converts", signal.SIGHUP, marks=[pytest.mark.slow, pytest.mark.rare]),
        # That models are kept where measuring ends early, `test_where_all_targets_fail_the_models_are_kept` has too.
        pytest.param("measures", signal.SIGTERM, marks=[pytest.mark.slow, pytest.mark.rare]),
    ],
)
def test_an_interrupted_run_leaves_nothing_but_its_models(moment, number, place, tiny, tmp_path):
    method = ["--epochs", "100000"] if moment == "trains" else [*PTQ, "--no-cache"]
    flags = ["--data", str(tiny / "train.npz"), "--preprocess", "unit", *method]
    started = subprocess.Popen(
        [
            "env",
            "--default-signal",
            COMMAND,
            "export",
            str(tiny / "tiny.keras"),
            *flags,
        ],  # a background job ignores SIGINT
        env=os.environ | {"EDGESWAP_TEST": tmp_path.name},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not MOMENTS[moment](processes_of(tmp_path.name), place):
        assert started.poll() is None, started.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep({"trains": 0.1, "converts": 0.5, "measures": 0.2}[moment])  # well into it
    started.send_signal(number)
    stdout, stderr = started.communicate(timeout=30)
    assert started.returncode == 128 + number
    assert stdout == ""
    assert "Traceback" not in stderr
    *steps, problem, remedy = re.sub(r"(?m)^warning: .*\n.*\n", "", stderr).splitlines()
    assert problem == f"error: Interrupted by {signal.Signals(number).name}."
    kept = MODELS if moment == "measures" else set()
    if kept:
        assert remedy.startswith(f"What was made is kept in out.partial: {', '.join(sorted(kept))}.")
        assert {path.name for path in (place / "out.partial").iterdir()} == kept
    elif moment == "trains":
        goes_on = r"The run store has epoch \d+ of 100000 of the fake-quant model after QAT: the same command goes on"
        assert re.match(goes_on, remedy)
    else:
        assert remedy == "Nothing was left behind."
    assert all(step.endswith(" s)") for step in steps)
    assert processes_of(tmp_path.name) == {}
    assert [path.name for path in place.iterdir()] == ["out.partial"] * bool(kept)
    assert list((place.parent / "temporary").iterdir()) == []


# --- the digits network -----------------------------------------------------------------------------------------------

DIGITS = ["--data", "digits", "--test-data", "digits/test", "--preprocess", "unit"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "method"),
    [
        ("clipped_elu", "qat"),
        ("relu6", "ptq"),
        ("relu6", "qat"),
        ("clipped_elu", "ptq"),
        ("hard_swish", "ptq"),
        ("hard_swish", "qat"),
    ],
)
@pytest.mark.rare  # test_documents_run.py exports these digits, test_parity.py and test_checkpoint.py train tiny ones
def test_digits(activation, method, place, digits_network, edgeswap):
    ran = edgeswap("export", digits_network, *DIGITS, "--activation", activation, "--method", method, "--epochs", 1)
    report = assert_sound(place / "out")
    assert ran.code == 0
    assert report["float32"]["quality"]["samples"] == 540
    assert report["float32"]["quality"]["value"] >= 0.97
    lost = round(540 * (report["float32"]["quality"]["value"] - report["int8"]["quality"]["value"]))
    assert lost <= 3
    assert {entry["to"] for entry in report["activations"]["swapped"]} == {activation}
    assert len(report["activations"]["swapped"]) == 11
    assert (report["float32_finetuned"] is None) == (method == "ptq")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("int16x8", np.int16), pytest.param("float16", np.float32, marks=pytest.mark.rare)],
)
def test_another_precision(precision, dtype, place, flags, edgeswap):
    ran = edgeswap("export", *flags, "--precision", precision)
    assert ran.code == 0
    candidate = f"model_{precision}.tflite"
    assert {path.name for path in (place / "out").iterdir()} == FILES - {"model_int8.tflite", "bundle.zip"} | {
        candidate
    }
    report = json.loads((place / "out" / "report.json").read_text())
    jsonschema.validate(report, schema())
    assert (report["precision"], report["method"], report["int8"]["file"]) == (precision, "ptq", candidate)
    # Neither rounds enough to turn a class that the network is sure of.
    given, quantized = (report[stage]["quality"]["value"] for stage in ("float32", "int8"))
    assert abs(given - quantized) <= 1 / 80
    assert report["comparison"]["size_ratio"] > 1.2  # much of so small a file are names
    assert (report["int8"]["float_tensors"] == 0) == (precision == "int16x8")
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(place / "out" / candidate))
    assert {end["dtype"] for end in interpreter.get_input_details() + interpreter.get_output_details()} == {dtype}
    assert f"the {precision} model has" in " ".join(ran.stdout.split())
    assert "int8-without-xnnpack" not in ran.stdout


@pytest.mark.slow
# Two trainings of one seed that give the same models and scores: `test_stored.py` has them as well, and
# `test_bundle.py` that a bundle's bytes come from its models and samples alone.
@pytest.mark.rare
def test_one_seed_gives_one_result(place, tiny, edgeswap):
    data = ["--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--preprocess", "unit"]
    flags = [*data, "--activation", "clipped_elu", "--recover-epochs", 1, "--epochs", 1, "--seed", 7, "--no-cache"]
    for output in ("first", "second"):
        assert edgeswap("export", tiny / "tiny.keras", *flags, "--output", output).code == 0
    first, second = (assert_sound(place / output) for output in ("first", "second"))
    stages = ("float32", "float32_swapped", "float32_recovered", "float32_finetuned", "int8")
    assert [first[stage]["quality"] for stage in stages] == [second[stage]["quality"] for stage in stages]
    for name in ("model_float32.tflite", "model_int8.tflite", "bundle.zip"):
        assert (place / "first" / name).read_bytes() == (place / "second" / name).read_bytes()


@pytest.mark.slow
def test_a_disk_that_fills_up_at_the_end(place, tiny, full_disk, edgeswap):
    disk = full_disk("32k")  # room for the models, not for report.html
    flags = ["--data", tiny / "train.npz", "--preprocess", "unit", *PTQ, "--no-cache", "--output", disk / "out"]
    ran = edgeswap("export", tiny / "tiny.keras", *flags)
    assert ran.code == 1
    assert "No space left on device" in ran.stderr
    assert [path.name for path in disk.iterdir()] == ["out.partial"]
    assert {path.name for path in (disk / "out.partial").iterdir()} >= MODELS
