"""The generated Python: its self-test passes, names what was changed, and reads images as accuracy was measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from edgeswap.bundle.apps.generate import plain
from edgeswap.data.preprocess import from_name
from edgeswap.data.resizing import RESIZE, fit
from edgeswap.tflite.flatbuffer import read, write
from tests.app_bundle import (
    FAULTS,
    KINDS,
    LABELS,
    Bundle,
    adder,
    bundle,
    change,
    classifier,
    facts_of,
    module,
    run_python,
    write_bundle,
)
from tests.image_data import encoded
from tests.test_benchmark import without_litert

INTERPRETER = "interpreter/model.py"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder = tmp_path_factory.mktemp("apps")
    return {kind: bundle(kind, folder / kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_self_test_passes(bundles: dict[str, Bundle], kind: str) -> None:
    code, said = run_python(bundles[kind].folder)
    assert code == 0, said
    assert "pass: 3 golden vectors, outputs off by at most 0 int8 steps" in said


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"remembering"}))
def test_self_test_passes_by_the_interpreter(bundles: dict[str, Bundle], kind: str) -> None:
    code, said = run_python(bundles[kind].folder, file=INTERPRETER)
    assert code == 0, said
    assert "pass: 3 golden vectors, outputs off by at most 0 int8 steps" in said


def test_a_model_with_a_state_has_the_interpreter_alone(bundles: dict[str, Bundle]) -> None:
    folder = bundles["remembering"].folder
    assert not list(folder.rglob("interpreter"))
    assert "CompiledModel takes" not in (folder / "python/model.py").read_text()


def test_a_signature_may_count_the_inputs_in_another_order(tmp_path: Path) -> None:
    """LiteRT's CompiledModel keeps the order of the file (2.3), which the code relies on."""
    model = read(adder(tmp_path).read_bytes())
    inputs = [schema.TensorMapT(name=name, tensorIndex=index) for name, index in (("a", 1), ("b", 0))]
    outputs = [schema.TensorMapT(name="c", tensorIndex=2)]
    model.signatureDefs = [schema.SignatureDefT(inputs=inputs, outputs=outputs, signatureKey="serving_default")]
    data = write(model)
    one = write_bundle(tmp_path / "bundle", data, facts_of(data))
    for file in ("model.py", INTERPRETER):
        assert run_python(one.folder, file=file)[0] == 0


def test_without_compiled_model_the_other_file_is_named(
    bundles: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.compiled_model", None)
    with pytest.raises(ImportError, match=r"take interpreter/model\.py, which runs under older runtimes"):
        run_python(bundles["classifier"].folder)
    assert run_python(bundles["classifier"].folder, file=INTERPRETER)[0] == 0


@pytest.mark.parametrize("fault", [None, "output"])
def test_the_command_line_tells_by_its_exit_code(bundles: dict[str, Bundle], tmp_path: Path, fault: str | None) -> None:
    shutil.copytree(bundles["classifier"].folder, tmp_path / "bundle")
    if fault is not None:
        change(tmp_path / "bundle", fault)
    command = [sys.executable, tmp_path / "bundle/python/model.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == (0 if fault is None else 1)
    assert (done.stdout.startswith("pass: "), FAULTS["output"] in done.stderr) == (fault is None, fault is not None)


def test_tflite_runtime_under_numpy_2_is_told(bundles: dict[str, Bundle], tmp_path: Path) -> None:
    command = [sys.executable, bundles["classifier"].folder / "python" / INTERPRETER]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=without_litert(tmp_path))
    problem, remedy = done.stderr.splitlines()
    assert (done.returncode, problem.startswith("error: Expected ai-edge-litert")) == (1, True)
    assert "tflite-runtime needs numpy<2, this is NumPy 2" in problem
    assert remedy.startswith("Run: pip install ai-edge-litert")


@pytest.mark.parametrize("fault", FAULTS)
def test_self_test_names_what_differs(bundles: dict[str, Bundle], tmp_path: Path, fault: str) -> None:
    shutil.copytree(bundles["classifier"].folder, tmp_path / "bundle")
    change(tmp_path / "bundle", fault)
    code, said = run_python(tmp_path / "bundle")
    assert FAULTS[fault] in said
    assert code == (0 if fault == "within tolerance" else 1)


@pytest.mark.parametrize(("kind", "name"), [("classifier", "unit"), ("symmetric", "symmetric")])
def test_pixels_become_what_the_float_preprocessing_says(bundles: dict[str, Bundle], kind: str, name: str) -> None:
    given = bundles[kind].facts.inputs[0]
    pixels = (np.arange(np.prod(given.shape)) // given.shape[3] % 256).astype(np.uint8).reshape(given.shape)
    int8 = module(bundles[kind].folder).quantize0(pixels)
    np.testing.assert_array_equal(int8, pixels.astype(int) - 128)
    apart = np.abs((int8.astype(int) - given.zero_point) * given.scale - from_name(name)(pixels)) / given.scale
    # unit is exact and symmetric half a step lower; what is beyond that is float32's rounding.
    assert apart.max() == pytest.approx({"unit": 0.0, "symmetric": 0.5}[name], abs=1e-4)


@pytest.mark.parametrize("kind", ["adder", "split", "mean_std"])
def test_dequantizing_is_the_specification(bundles: dict[str, Bundle], kind: str) -> None:
    app = module(bundles[kind].folder)
    int8 = np.arange(-128, 128).astype(np.int8)
    for index, output in enumerate(bundles[kind].facts.outputs):
        expected = np.float32(output.scale) * (int8.astype(np.float32) - output.zero_point)
        np.testing.assert_array_equal(getattr(app, f"dequantize{index}")(int8), expected)


def test_likeliest_labels_come_first(bundles: dict[str, Bundle]) -> None:
    logits = np.array([[0, 5, -2, 4, 1, 3]], np.float32)
    best = module(bundles["classifier"].folder).top(logits)
    assert [label for label, _ in best] == [LABELS[index] for index in (1, 3, 5, 4, 0)]
    powers = np.exp(logits[0].astype(np.float64))
    assert best[0][1] == pytest.approx(powers[1] / powers.sum(), rel=1e-6)
    numbers = module(bundles["symmetric"].folder).top(
        np.array([[0.1, 0.2, 0.6, 0.1]], np.float32)
    )  # probabilities, no labels
    assert numbers[:2] == [(2, pytest.approx(0.6)), (1, pytest.approx(0.2))]


def test_classes_that_hold_are_those_above_the_threshold(bundles: dict[str, Bundle]) -> None:
    app = module(bundles["several"].folder)
    real = np.array([[0.2, 0.51, 0.5, 0.9, 0.0, 0.1]], np.float32)
    assert app.present(real) == [(LABELS[3], pytest.approx(0.9)), (LABELS[1], pytest.approx(0.51))]
    assert [name for name, _ in app.present(real, 0.15)] == [LABELS[index] for index in (3, 1, 2, 0)]
    assert app.present(real, 0.95) == []


@pytest.mark.parametrize(("kind", "second"), [("sigmoid", 0.7), ("caffe", -1.5)])
def test_one_value_tells_two_classes_apart(bundles: dict[str, Bundle], kind: str, second: float) -> None:
    """A probability of the second class as it is, or a logit through a sigmoid; equal ones in the order of classes."""
    app, named = module(bundles[kind].folder), {"sigmoid": ["cat", "dog"], "caffe": [0, 1]}[kind]
    probability = second if kind == "sigmoid" else 1 / (1 + np.exp(-second))
    expected = sorted([(named[0], 1 - probability), (named[1], probability)], key=lambda pair: -pair[1])
    best = app.top(np.array([[second]], np.float32))
    assert [name for name, _ in best] == [name for name, _ in expected]
    assert [score for _, score in best] == pytest.approx([score for _, score in expected], rel=1e-6)
    half = app.top(np.array([[0.5 if kind == "sigmoid" else 0.0]], np.float32))
    assert half == [(named[0], 0.5), (named[1], 0.5)]


@pytest.mark.parametrize("kind", ["map", "mask"])
def test_a_class_map_has_the_class_of_each_pixel(bundles: dict[str, Bundle], kind: str) -> None:
    (output,) = bundles[kind].facts.outputs
    int8 = np.fromfile(bundles[kind].folder / "golden/0.output0.i8", np.int8)
    real = (int8.reshape(output.shape).astype(np.float64) - output.zero_point) * output.scale
    expected = real.argmax(axis=-1) if kind == "map" else (real[..., 0] > 0.5).astype(int)
    got = module(bundles[kind].folder).class_map0(int8)
    np.testing.assert_array_equal(got, expected)
    assert len(np.unique(got)) == bundles[kind].facts.classes
    code, said = run_python(bundles[kind].folder, bundles[kind].folder / "golden/0.input0.f32")
    assert code == 0, said
    rows = [[int(word) for word in line.split()] for line in said.splitlines() if line[:1].isdigit()]
    np.testing.assert_array_equal(rows, expected[0])


@pytest.mark.parametrize("kind", ["adder", "split", "normalized", "lookup", "map"])
def test_real_values_are_found_by_name(bundles: dict[str, Bundle], kind: str) -> None:
    app, one = module(bundles[kind].folder), bundles[kind].facts
    outputs = [np.full(output.shape, index + 1, np.int8) for index, output in enumerate(one.outputs)]
    found = app.real_values(outputs)
    assert list(found) == [plain(output.name) for output in one.outputs]
    for output, int8 in zip(one.outputs, outputs, strict=True):
        expected = np.float32(output.scale) * (int8.astype(np.float32) - output.zero_point)
        np.testing.assert_array_equal(found[plain(output.name)], expected)
    assert not hasattr(app, "top")


def test_an_image_is_resized_as_accuracy_was_measured(bundles: dict[str, Bundle], tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    read = module(bundles["classifier"].folder).read_pixels(tmp_path / "photo.png", "L", (32, 8, 1))
    np.testing.assert_array_equal(read.reshape(32, 8, 1), fit(Image.fromarray(photo), (32, 8, 1)))
    code, said = run_python(bundles["classifier"].folder, tmp_path / "photo.png")
    assert code == 0, said
    assert sum(label in said for label in LABELS) == 5


def test_several_inputs_take_several_files(bundles: dict[str, Bundle]) -> None:
    golden = bundles["adder"].folder / "golden"
    code, said = run_python(bundles["adder"].folder, golden / "0.input0.f32", golden / "0.input1.f32")
    sums = sum(np.fromfile(golden / f"0.input{index}.f32", "<f4").clip(-1.7, 6.5) for index in (0, 1))
    assert code == 0
    assert "sum [" in said
    assert sums.shape == (4,)
    assert run_python(bundles["adder"].folder, golden / "0.input0.f32") == (
        1,
        "expected 2 files, or none for the self-test\n",
    )


@pytest.mark.parametrize("resize", RESIZE)
def test_an_image_is_resized_and_turned_as_its_export_was_told(resize: str, tmp_path: Path) -> None:
    model = classifier(tmp_path).read_bytes()
    facts = facts_of(model, preprocess="unit", resize=RESIZE[resize])
    app = module(write_bundle(tmp_path / "bundle", model, facts).folder)
    stored = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    (tmp_path / "photo.png").write_bytes(encoded(stored, orientation=6))
    seen = stored if resize == "keras" else np.ascontiguousarray(np.rot90(stored, -1))
    read = app.read_pixels(tmp_path / "photo.png", "L", (32, 8, 1))
    np.testing.assert_array_equal(read.reshape(32, 8, 1), fit(Image.fromarray(seen), (32, 8, 1), resize))
    deep = Image.fromarray(np.random.default_rng(1).integers(0, 2**16, (50, 70)).astype(np.uint16))
    deep.save(tmp_path / "deep.png")
    read = app.read_pixels(tmp_path / "deep.png", "L", (32, 8, 1))
    np.testing.assert_array_equal(read.reshape(32, 8, 1), fit(deep, (32, 8, 1), resize))
