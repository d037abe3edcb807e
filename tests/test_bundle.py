"""make_bundle: what is in a bundle, that it is always the same, and that its numbers say what the app must do."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeswap.bundle import golden as golden_module
from edgeswap.bundle.card import model_card
from edgeswap.bundle.golden import as_app_holds, quantize, steps_apart
from edgeswap.bundle.make import label_lines
from edgeswap.bundle.manifest import InputTensor, from_json
from edgeswap.bundle.vectors import VECTORS
from edgeswap.data.preprocess import NAMED, from_name
from edgeswap.data.resizing import RESIZE, Resize
from edgeswap.errors import DataError, ModelError
from edgeswap.records import Caution
from edgeswap.tflite import metadata_schema
from edgeswap.tflite.metadata import read_attached
from tests import tiny_tflite
from tests.bundles import (
    CREDITS,
    LABELS,
    InProcess,
    adder,
    adder_bundle,
    bundle_of,
    classifier,
    contents,
    dataset,
    image_bundle,
    manifest,
    new_image_bundle,
    pixels,
    reals,
    report,
)
from tests.environments import new_environment
from tests.tiny_tflite import Spec

EVERY_PIXEL = np.arange(256)
MEAN_STD = "mean-std:0.45,0.40,0.35/0.28,0.26,0.25"
# The inputs that `raw`, `unit` and `symmetric` give an int8 model: scale and zero point.
BOUNDED = {"raw": (1.0, -128), "unit": (1 / 255, -128), "symmetric": (2 / 255, 0)}


def test_the_same_model_and_data_give_the_same_bytes(tmp_path: Path) -> None:
    assert new_image_bundle(tmp_path) == new_image_bundle(tmp_path)


def test_nothing_of_the_run_is_in_it(tmp_path: Path) -> None:
    """Neither a time nor a path of the machine: both would differ on another day or machine."""
    held = b"".join(contents(image_bundle(tmp_path)).values())
    for foreign in (b"2026", b"/home", str(tmp_path).encode(), b"latency_ms"):
        assert foreign not in held


def test_what_is_in_it(tmp_path: Path) -> None:
    files = contents(image_bundle(tmp_path))
    assert {"model.tflite", "labels.txt", "model.json", "README.md", "MODEL_CARD.md", "SHA256SUMS"} <= set(files)
    assert {name.partition("/")[0] for name in files if "/" in name} == {"golden", "android", "ios", "python", "cpp"}
    assert files["labels.txt"].decode() == "null\neins\nzwei\ndrei\nvier\nfünf\n"
    said = from_json(files["model.json"])
    assert said.files == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name not in ("model.json", "SHA256SUMS")
    }
    assert (said.classes, said.labels, said.outputs[0].holds) == (6, "labels.txt", "logits")
    assert [(use.name, use.version, use.count) for use in said.operators] == [("FULLY_CONNECTED", 4, 1)]
    assert said.minimum_tensorflow_lite == "1.14.0"
    assert said.provenance.int8_model_sha256 == hashlib.sha256(classifier(tmp_path)).hexdigest()


def test_sha256sum_reads_the_hashes(tmp_path: Path) -> None:
    for name, content in contents(image_bundle(tmp_path)).items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == len(contents(image_bundle(tmp_path))) - 1


@pytest.mark.parametrize("preprocess", BOUNDED)
def test_int8_is_pixel_minus_128(tmp_path: Path, preprocess: str) -> None:
    """By model.json and by the metadata in the model alike; half a step from the float preprocessing at most."""
    scale, zero_point = BOUNDED[preprocess]
    bundle = image_bundle(tmp_path, preprocess, scale=scale, zero_point=zero_point)
    (tensor,) = manifest(bundle).inputs
    assert tensor.pixels is not None
    assert (tensor.pixels.scales, tensor.pixels.offsets) == ([1.0], [-128.0])
    assert f"int8 = {'pixel - 128'}" in manifest(bundle).preprocessing[-1]
    attached = read_attached(contents(bundle)["model.tflite"])
    (image,) = attached.metadata["subgraph_metadata"][0]["input_tensor_metadata"]
    normalization = image["process_units"][0]["options"]["NormalizationOptions"]
    real = (EVERY_PIXEL - normalization["mean"][0]) / normalization["std"][0]
    steps = real / tensor.scale + tensor.zero_point
    assert np.abs(steps - (EVERY_PIXEL - 128)).max() < 1e-3  # float32 holds mean and std; 0.5 would be another int8
    given = NAMED[preprocess](EVERY_PIXEL.reshape(-1, 1, 1, 1).astype(np.uint8)).reshape(-1)
    off = np.abs(given / tensor.scale + tensor.zero_point - (EVERY_PIXEL - 128)).max()
    assert off == pytest.approx(0.5 if preprocess == "symmetric" else 0, abs=1e-3)


@pytest.mark.parametrize("preprocess", ["caffe", "torch", MEAN_STD])
def test_metadata_of_a_calibrated_input_give_the_same_int8(tmp_path: Path, preprocess: str) -> None:
    scale, zero_point = (0.83, 11) if preprocess == "caffe" else (0.0187, -14)
    bundle = image_bundle(tmp_path, preprocess, shape=(5, 4, 3), scale=scale, zero_point=zero_point)
    (tensor,) = manifest(bundle).inputs
    assert tensor.pixels is not None
    assert tensor.pixels.source_channels == ([2, 1, 0] if preprocess == "caffe" else [0, 1, 2])
    every = np.repeat(EVERY_PIXEL, 3).reshape(256, 1, 1, 3).astype(np.uint8)
    real = from_name(preprocess)(every)
    expected = np.clip(np.rint(real / np.float32(tensor.scale) + np.float32(tensor.zero_point)), -128, 127)
    assert np.array_equal(quantize(tensor, every), expected)
    attached = read_attached(contents(bundle)["model.tflite"])
    (image,) = attached.metadata["subgraph_metadata"][0]["input_tensor_metadata"]
    space = image["content"]["content_properties"]["ImageProperties"]["color_space"]
    assert space == (metadata_schema.UNKNOWN if preprocess == "caffe" else metadata_schema.RGB)
    how = image["process_units"][0]["options"]["NormalizationOptions"]
    normalized = (every - np.float32(how["mean"])) / np.float32(how["std"])
    steps = np.floor(normalized / tensor.scale + tensor.zero_point + 0.5)
    assert np.array_equal(np.clip(steps, -128, 127), expected)


# --- golden vectors ---------------------------------------------------------------------------------------------------


def test_golden_vectors_are_samples_and_what_the_model_makes_of_them(tmp_path: Path) -> None:
    bundle = image_bundle(tmp_path)
    files, said = contents(bundle), manifest(bundle)
    samples = {image.tobytes() for image in pixels((5, 4, 1))}
    weights = np.random.default_rng(0).integers(-3, 4, (6, 20))
    classes = set()
    for vector in said.golden.vectors:
        held = files[vector.inputs[0]]
        assert held in samples
        quantized = np.frombuffer(files[vector.quantized[0]], np.int8)
        assert np.array_equal(quantized, np.frombuffer(held, np.uint8).astype(int) - 128)
        # The model in exact arithmetic: its output has steps of 64 input steps, and a zero point of 0. One step off is
        # a tie that is rounded to the other side.
        exact = np.clip(weights @ (quantized.astype(int) + 128) / 64, -128, 127)
        outputs = np.frombuffer(files[vector.outputs[0]], np.int8)
        assert np.abs(outputs - exact).max() <= 0.5 + 1e-6
        classes.add(int(outputs.argmax()))
    assert len(said.golden.vectors) == VECTORS
    assert len(classes) > 1  # vectors of one class alone would not see a model that always says it
    assert (said.golden.runtime, said.golden.delegate) == ("ai-edge-litert", "xnnpack")
    assert said.golden.tolerance_steps == said.golden.kernels_apart_steps + golden_module.MORE_STEPS


def test_real_values_halfway_between_two_int8_are_moved(tmp_path: Path) -> None:
    bundle = adder_bundle(tmp_path)
    files, said = contents(bundle), manifest(bundle)
    left = said.inputs[0]
    for vector in said.golden.vectors:
        held = np.frombuffer(files[vector.inputs[0]], np.float32)
        quantized = np.frombuffer(files[vector.quantized[0]], np.int8)
        for wide in (np.float32, np.float64):  # both round to the same int8
            steps = np.rint(held.astype(wide) / wide(left.scale) + left.zero_point)
            assert np.array_equal(np.clip(steps, -128, 127), quantized)
    halves = np.float32(left.scale) * (np.arange(4, dtype=np.float32) + np.float32(0.5))
    moved = as_app_holds(left, halves.reshape(1, 4)) / left.scale
    assert np.abs(np.mod(moved, 1) - 0.5).min() > 0.005
    assert np.abs(moved - halves / left.scale).max() < 0.02


def test_whole_numbers_stay(tmp_path: Path) -> None:
    tensor = InputTensor(name="rows", shape=[1, 3], dtype="int32", scale=0.0, zero_point=0, pixels=None)
    given = np.array([[1, 2, 3]])
    assert np.array_equal(quantize(tensor, as_app_holds(tensor, given)), given)


def test_steps_apart_of_the_ends() -> None:
    one, other = np.array([[-128, 0], [0, 0]], np.int8), np.array([[127, 0], [0, 1]], np.int8)
    assert steps_apart([one, one], [other, one]).tolist() == [[255, 1], [0, 0]]


# --- other models -----------------------------------------------------------------------------------------------------


def test_several_inputs_and_no_labels(tmp_path: Path) -> None:
    bundle = adder_bundle(tmp_path)
    said = manifest(bundle)
    assert [tensor.name for tensor in said.inputs] == ["left", "right"]
    assert (said.labels, "labels.txt" in contents(bundle)) == (None, False)
    assert said.preprocessing[0].startswith("left: real values")
    assert said.golden.vectors[0].inputs == ["golden/0.input0.f32", "golden/0.input1.f32"]


def test_a_users_own_function_gives_real_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "halving.py").write_text("def halved(pixels):\n    return pixels / 510\n")
    monkeypatch.chdir(tmp_path)
    data = dataset({"x": pixels((5, 4, 1))}, None)
    bundle = bundle_of(classifier(tmp_path), report("halving:halved"), data, from_name("halving:halved"), InProcess())
    (tensor,) = manifest(bundle).inputs
    assert tensor.pixels is None
    held = np.frombuffer(contents(bundle)["golden/0.input0.f32"], np.float32)
    assert 0.4 < held.max() <= 0.51


def split(folder: Path) -> bytes:
    tensors = [
        Spec("axis", (), "int32", values=np.array(1, np.int32)),
        Spec("x", (1, 4), "int8", 0.5),
        Spec("a", (1, 2), "int8", 0.5),
        Spec("b", (1, 2), "int8", 0.5),
    ]
    options = schema.SplitOptionsT()
    options.numSplits = 2
    operator = (schema.BuiltinOperator.SPLIT, 2, schema.BuiltinOptions.SplitOptions, options, (0, 1))
    return tiny_tflite.write(folder / "split.tflite", tensors, operator, (1,), (2, 3)).read_bytes()


def refused(folder: Path, tflite_model: bytes, data: Any, kind: type[Exception]) -> str:
    with pytest.raises(kind) as told:
        bundle_of(tflite_model, report(), data, from_name("none"), InProcess())
    return str(told.value)


def test_models_and_labels_of_which_no_bundle_is_made(tmp_path: Path) -> None:
    whole = dataset({"x": np.zeros((3, 4), np.float32)}, None)
    assert "one output of scores for the bundle, got 2 outputs" in refused(tmp_path, split(tmp_path), whole, ModelError)
    float_model = tiny_tflite.adder(tmp_path / "float.tflite", 4).read_bytes()
    assert "got FLOAT32 for 'logits'" in refused(tmp_path, float_model, dataset(reals(), None), ModelError)
    assert "4 class names of one line each" in refused(tmp_path, adder(tmp_path), dataset(reals(), LABELS), DataError)
    names = ("a", "b\u2028c", "d", "e")
    assert "'b\\u2028c'" in refused(tmp_path, adder(tmp_path), dataset(reals(), names), DataError)
    with pytest.raises(DataError, match="one line each"):
        label_lines(("a", "\udcff"), 2)
    small = dataset({"left": np.zeros((2, 3), np.float32), "right": np.zeros((2, 3), np.float32)}, None)
    assert "shape (4,)" in refused(tmp_path, adder(tmp_path), small, DataError)


# --- texts ------------------------------------------------------------------------------------------------------------


def test_the_card_tells_metrics_and_keeps_the_text_of_others_plain(tmp_path: Path) -> None:
    card = contents(image_bundle(tmp_path))["MODEL_CARD.md"].decode()
    assert "| int8 | 75.00 % | 50.00 to 90.00 % | 30 | 300 |" in card
    assert r"- Description: Digits, read \| by \*one\* layer" in card
    assert f"- Author: {CREDITS.author}" in card
    assert "a\\|b: swish was swapped for relu6" in card
    assert "30 samples of photos, SHA-256" in card
    assert "Training: none" in card


def test_the_card_claims_of_the_test_samples_what_edgeswap_knows(tmp_path: Path) -> None:
    card = contents(image_bundle(tmp_path))["MODEL_CARD.md"].decode()
    assert "edgeswap did not train or calibrate on the test samples" in card
    assert "cannot know whether the float32 model was trained on" in card.replace("\n", " ")
    assert "set aside" not in card
    caution = Caution(kind="test_may_be_known", problem="p", remedy="r")
    warned = report().model_copy(update={"warnings": [caution]})
    card = model_card(manifest(image_bundle(tmp_path)), warned).decode()
    assert "set aside from the given data" in card
    assert "\n\n\n" not in card


def test_the_card_calls_a_gain_better(tmp_path: Path) -> None:
    comparison = report().comparison.model_copy(update={"drop": -4.189, "drop_ci95": (-5.0, -3.0)})
    gained = report().model_copy(update={"comparison": comparison})
    card = model_card(manifest(image_bundle(tmp_path)), gained).decode()
    assert "- int8 is better by 4.189 percentage points (95 % interval 3 to 5)" in card


@pytest.mark.parametrize("shape", [(12,), (50, 1, 1)])
def test_texts_of_a_sensor_model_say_nothing_of_images(shape: tuple[int, ...], tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(30, *shape)).astype(np.float32)
    model = classifier(tmp_path, shape=shape, scale=0.05, zero_point=3)
    files = contents(bundle_of(model, report("none"), dataset({"x": x}, LABELS), from_name("none"), InProcess()))
    for name in (
        "README.md",
        "MODEL_CARD.md",
        "android/README.md",
        "ios/README.md",
        "cpp/README.md",
        "python/model.py",
    ):
        text = files[name].decode()
        assert not re.search(r"(?i)resiz|pixel|image|bitmap", text), (
            name,
            re.search(r"(?i).*(resiz|pixel|image).*", text),
        )


@pytest.mark.parametrize(
    ("resize", "said"),
    [("pillow", "first turned upright"), ("crop", "first turned upright"), ("keras", "were not turned")],
)
def test_the_readme_says_how_images_were_resized_and_turned(resize: Resize, said: str, tmp_path: Path) -> None:
    data = replace(dataset({"x": pixels((5, 4, 1))}, LABELS), resize=RESIZE[resize])
    bundle = bundle_of(classifier(tmp_path), report(), data, from_name("unit"), InProcess())
    readme = contents(bundle)["README.md"].decode()
    assert RESIZE[resize] in manifest(bundle).preprocessing[0]
    assert said in readme
    assert "turned" not in contents(image_bundle(tmp_path))["README.md"].decode()  # arrays are as they are


def test_the_readme_says_what_the_app_does(tmp_path: Path) -> None:
    readme = contents(image_bundle(tmp_path))["README.md"].decode()
    assert "x: int8 = pixel - 128" in readme
    assert "line n + 1 of `labels.txt` (6 lines)" in readme
    assert re.search(r"up to \d+ int8 steps is not an error", readme)
    assert "There are no labels" in contents(adder_bundle(tmp_path))["README.md"].decode()
    for line in readme.splitlines():
        assert not line.endswith(" ")


@pytest.mark.slow
def test_the_tolerance_holds_under_another_runtime(tmp_path: Path) -> None:
    """The bundle's own self-test under tflite-runtime 2.14, whose kernels round in another way."""
    if sys.version_info >= (3, 12):
        pytest.skip("tflite-runtime 2.14 has no wheel for this Python")
    for name, content in contents(image_bundle(tmp_path)).items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
    python = new_environment(tmp_path / "venv", "numpy<2", "tflite-runtime==2.14.0")
    command = [python, tmp_path / "out" / "python" / "interpreter" / "model.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("pass: 4 golden vectors")
