"""What the app code is told of a model, and what is written from it; that it runs is tested language by language."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.bundle.apps.facts import AppFacts, InputFacts, OutputFacts, golden_files
from edgeswap.bundle.apps.generate import generate, plain
from edgeswap.bundle.apps.pixels import PixelSteps, pixel_steps
from edgeswap.data.preprocess import NAMED, Preprocess
from edgeswap.errors import ModelError
from tests.app_bundle import KINDS, bundle

EVERY_PIXEL = np.arange(256).astype(np.uint8).reshape(256, 1, 1, 1)
PERSON_READS = 180  # lines; the longest file of each kind is some 170


def steps(name: str, channels: int = 1, **quantization: Any) -> PixelSteps:
    own = NAMED[name].quantization
    quantization = quantization or {"scale": own.scale, "zero_point": own.zero_point}
    found = pixel_steps(NAMED[name], channels=channels, **quantization, resize="bilinear")
    assert found is not None
    return found


@pytest.mark.parametrize(("name", "steps_off"), [("raw", 0.0), ("unit", 0.0), ("symmetric", 0.5)])
def test_pixel_minus_128_is_the_float_preprocessing_at_every_pixel(name: str, steps_off: float) -> None:
    quantization = NAMED[name].quantization
    found = steps(name)
    assert found.is_pixel_minus_128
    int8 = found.quantize(EVERY_PIXEL)
    np.testing.assert_array_equal(int8.astype(int), EVERY_PIXEL.astype(int) - 128)
    real = NAMED[name](EVERY_PIXEL).astype(np.float64)
    apart = np.abs(real / quantization.scale + quantization.zero_point - int8)
    assert apart.max() == pytest.approx(steps_off, abs=1e-4)  # of a step: the preprocessing is in float32


def test_symmetric_is_pixel_minus_128_with_either_rounding_of_its_zero_point() -> None:
    assert steps("symmetric", scale=2 / 255, zero_point=-1).is_pixel_minus_128
    assert not steps("symmetric", scale=2 / 255, zero_point=-2).is_pixel_minus_128  # one step lower


@pytest.mark.slow
@given(
    name=st.sampled_from(["raw", "unit", "symmetric", "caffe", "torch", "none"]),
    width=st.floats(0.3, 3),
    zero_point=st.integers(-128, 127),
)
def test_other_scales_give_what_was_calibrated_at_every_pixel(name: str, width: float, zero_point: int) -> None:
    pixels = np.repeat(EVERY_PIXEL, 3, axis=-1)
    real = NAMED[name](pixels)
    scale = float(np.float32((real.max() - real.min()) / 255 * width))
    found = pixel_steps(NAMED[name], channels=3, scale=scale, zero_point=zero_point, resize="bilinear")
    assert found is not None
    if not found.is_pixel_minus_128:
        real_steps = real.astype(np.float64) / scale + zero_point
        apart = np.abs(found.quantize(pixels) - np.clip(np.rint(real_steps), -128, 127))
        is_tie = np.abs(real_steps - np.floor(real_steps) - 0.5) < 1e-3
        assert apart[~is_tie].max(initial=0) == 0
        assert apart.max() <= 1  # halfway between two steps, either is as near
        sure = pixels[..., list(found.source_channels)] * np.array(found.scales) + np.array(found.offsets) + 0.5
        # A device that multiplies and adds in one rounding is off by 1e-13.
        np.testing.assert_array_equal(np.floor(sure - 1e-9).clip(-128, 127), np.floor(sure + 1e-9).clip(-128, 127))


def test_each_channel_of_caffe_takes_its_own_color() -> None:
    pixels = np.array([10, 120, 250], np.uint8).reshape(1, 1, 1, 3)
    expected = np.rint(NAMED["caffe"](pixels) / np.float32(1.1) - 5).clip(-128, 127)
    np.testing.assert_array_equal(steps("caffe", 3, scale=1.1, zero_point=-5).quantize(pixels), expected)


def test_a_function_of_the_user_is_left_to_the_app() -> None:
    assert pixel_steps(Preprocess("mine:f", lambda x: x), channels=3, scale=1, zero_point=0, resize="") is None


def test_a_mapping_that_is_not_linear_is_refused() -> None:
    crooked = Preprocess("crooked", np.sqrt)
    with pytest.raises(ModelError, match="linear in the pixel"):
        pixel_steps(crooked, channels=1, scale=0.06, zero_point=-128, resize="")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AppFacts]:
    folder = tmp_path_factory.mktemp("apps")
    return {kind: bundle(kind, folder / kind).facts for kind in KINDS}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"model_sha256": "0" * 63}, "64 hexadecimal digits"),
        ({"inputs": ()}, "got 0 and 1"),
        ({"classes": 5}, "as many classes"),
        ({"classes": None}, "as many classes"),
        ({"golden_count": 0}, "golden vectors"),
        ({"tolerance_steps": -1}, "tolerance"),
    ],
)
def test_facts_that_do_not_fit_are_refused(facts: dict[str, AppFacts], changed: Any, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        dataclasses.replace(facts["classifier"], **changed)


def test_labels_without_classes_and_classes_of_several_outputs_are_refused(facts: dict[str, AppFacts]) -> None:
    with pytest.raises(ModelError, match="labels without classes"):
        dataclasses.replace(facts["adder"], labelled=True)
    one = facts["map"]
    with pytest.raises(ModelError, match="one output where it tells classes apart, got 2"):
        dataclasses.replace(one, outputs=one.outputs * 2)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [("sigmoid", {"threshold": None}), ("map", {"threshold": 0.5}), ("adder", {"threshold": 0.5})],
)
def test_a_threshold_is_for_one_value_of_two_classes(facts: dict[str, AppFacts], kind: str, changed: Any) -> None:
    with pytest.raises(ModelError, match="Expected a threshold just where a value by itself"):
        dataclasses.replace(facts[kind].outputs[0], **changed)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"shape": (0, 4)}, "fixed sizes"),
        ({"shape": (1, 4)}, "height, width"),
        ({"shape": (1, 4, 4, 3)}, "3 channels"),
        ({"scale": 0.0}, "a positive scale"),
        ({"dtype": "int32", "pixels": None}, "no scale"),
    ],
)
def test_an_input_that_is_none_is_refused(facts: dict[str, AppFacts], changed: Any, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        dataclasses.replace(facts["classifier"].inputs[0], **changed)


def test_golden_files_say_what_they_hold(facts: dict[str, AppFacts]) -> None:
    assert golden_files(2, facts["adder"].inputs, facts["adder"].outputs) == (
        ("golden/2.input0.f32", "golden/2.input1.f32"),
        ("golden/2.quantized0.i8", "golden/2.quantized1.i8"),
        ("golden/2.output0.i8",),
    )
    assert golden_files(0, facts["lookup"].inputs, ()) == (("golden/0.input0.i32",), ("golden/0.quantized0.i32",), ())
    assert golden_files(0, facts["split"].inputs, facts["split"].outputs).outputs[1] == "golden/0.output1.i8"


def test_the_same_facts_give_the_same_bytes(facts: dict[str, AppFacts]) -> None:
    assert all(generate(one) == generate(dataclasses.replace(one)) for one in facts.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_can_be_read_by_a_person(facts: dict[str, AppFacts], kind: str) -> None:
    files = {name: content.decode() for name, content in generate(facts[kind]).items()}
    assert {name.split("/")[0] for name in files} == {"android", "cpp", "ios", "python"}
    for name, text in files.items():
        assert len(text.splitlines()) < PERSON_READS, name
        assert "{%" not in text, name
        assert "{{ " not in text, name
        assert max(map(len, text.splitlines())) < 160, name
        assert text.endswith("\n"), name
        assert not text.endswith("\n\n"), name


@pytest.mark.parametrize("kind", ["adder", "normalized", "lookup", "split", "map"])
def test_nothing_speaks_of_scores_where_there_are_none(facts: dict[str, AppFacts], kind: str) -> None:
    for name, content in generate(facts[kind]).items():
        assert not re.search(r"(?i)\b(logits?|scores?|probabilit\w+|likeliest|top)\b", content.decode()), name


def test_outputs_of_one_name_are_told_apart(facts: dict[str, AppFacts]) -> None:
    one = facts["split"]
    twice = dataclasses.replace(one, outputs=(one.outputs[0], one.outputs[0]))
    text = generate(twice)["ios/Model.swift"].decode()  # Swift stops at a key that stands twice
    assert '"first half": dequantize0' in text
    assert '"first half_1": dequantize1' in text


def test_a_name_in_a_comment_ends_nothing() -> None:
    assert plain('a "*/ ${x} \\(y)\n"""') == "a __/ __x_ _(y)____"


KOTLIN = r"const val (\w+) = (\S+)"
SWIFT = r"let (\w+)(?:: (?:Float|Double))? = (\S+)"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["kotlin", "swift"])
def test_constants_are_those_of_the_model(facts: dict[str, AppFacts], kind: str, language: str) -> None:
    one = facts[kind]
    file, pattern = {"kotlin": ("android/Model.kt", KOTLIN), "swift": ("ios/Model.swift", SWIFT)}[language]
    text = generate(one)[file].decode()
    found = {re.sub("_", "", name).lower(): value for name, value in re.findall(pattern, text)}
    expected: dict[str, Any] = {
        "modelsha256": f'"{one.model_sha256}"',
        "goldenvectors": one.golden_count,
        "tolerancesteps": one.tolerance_steps,
        **({"classes": one.classes} if one.classes else {}),
    }
    for index, tensor in enumerate(one.inputs):
        expected |= _constants(f"input{index}", tensor)
    for index, output in enumerate(one.outputs):
        expected |= _constants(f"output{index}", output)
    for name, value in expected.items():
        if name.endswith("scale"):
            assert np.float32(found[name].removesuffix("f")) == np.float32(value), name
        else:
            assert found[name] == str(value), name
    assert ("classes" in found) == (one.classes is not None)


def _constants(name: str, tensor: InputFacts | OutputFacts) -> dict[str, Any]:
    found: dict[str, Any] = {f"{name}count": int(np.prod(tensor.shape))}
    if isinstance(tensor, OutputFacts) or tensor.form == "f32":
        return {**found, f"{name}scale": tensor.scale, f"{name}zeropoint": tensor.zero_point}
    if tensor.form == "u8":
        sizes = zip(("height", "width", "channels"), tensor.shape[1:], strict=True)
        return {**found, **{f"{name}{word}": size for word, size in sizes}}
    return found


@pytest.mark.parametrize("file", ["android/Model.kt", "ios/Model.swift", "cpp/model.h", "python/model.py"])
def test_pixel_steps_are_written_to_the_last_digit(facts: dict[str, AppFacts], file: str) -> None:
    pixels = facts["mean_std"].inputs[0].pixels
    text = generate(facts["mean_std"])[file].decode()
    for numbers in (pixels.scales, pixels.offsets):
        assert ", ".join(map(repr, numbers)) in text
    assert re.search(r"\b2, 1, 0\b", generate(facts["caffe"])[file].decode())


def test_templates_name_nothing_of_this_machine() -> None:
    for template in Path(generate.__code__.co_filename).with_name("templates").rglob("*.jinja"):
        assert not re.search(r"/(home|root|work|tmp)/|https?://", template.read_text()), template
