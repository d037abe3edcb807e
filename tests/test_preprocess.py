"""Each mapping against keras.applications' formula, and what an app's int8 = pixel - 128 becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeswap.data.preprocess import NAMED, from_name
from edgeswap.errors import ConfigError, DataError

ALL_PIXELS = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
BOUNDED = ["raw", "unit", "symmetric"]
RGB = hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.just(3)))


@given(RGB)
def test_caffe_is_bgr_without_the_mean(raw: Any) -> None:
    red, green, blue = (raw[..., channel].astype(np.float64) for channel in range(3))
    expected = np.stack([blue - 103.939, green - 116.779, red - 123.68], axis=-1)
    np.testing.assert_allclose(from_name("caffe")(raw), expected, atol=2e-5)  # float32 at 255 has steps of 1.5e-5


@given(RGB)
def test_torch_is_unit_without_mean_and_deviation(raw: Any) -> None:
    expected = (raw / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(from_name("torch")(raw), expected, atol=2e-6)


@pytest.mark.parametrize(("name", "mode"), [("symmetric", "tf"), ("caffe", "caffe"), ("torch", "torch")])
def test_as_in_keras_applications(name: str, mode: str) -> None:
    from edgeswap.frameworks import keras

    raw = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    expected = {
        "tf": keras.applications.mobilenet_v2,
        "caffe": keras.applications.vgg16,
        "torch": keras.applications.densenet,
    }[mode].preprocess_input(raw.astype(np.float32))
    np.testing.assert_allclose(from_name(name)(raw), expected, atol=2e-6, rtol=1e-6)


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_are_those_of_all_pixels(name: str) -> None:
    mapped = from_name(name)(ALL_PIXELS)
    assert (mapped.min(), mapped.max()) == NAMED[name].input_bounds


@pytest.mark.parametrize("name", sorted(NAMED))
def test_float32_out_and_raw_untouched(name: str) -> None:
    raw = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    before = raw.copy()
    for given_raw in (raw, raw.astype(np.float64)):
        mapped = from_name(name)(given_raw)
        assert mapped.dtype == np.float32
        assert mapped.shape == raw.shape
        assert from_name(name).as_the_app_does(given_raw).dtype == np.float32
    np.testing.assert_array_equal(raw, before)


@pytest.mark.parametrize("name", ["raw", "unit"])
def test_the_app_s_input_is_exact_for_raw_and_unit(name: str) -> None:
    preprocess = from_name(name)
    quantization = preprocess.quantization
    assert quantization is not None
    # To float32's last bit: pixel * (1/255) is rounded twice where pixel / 255 is rounded once.
    np.testing.assert_allclose(preprocess.as_the_app_does(ALL_PIXELS), preprocess(ALL_PIXELS), rtol=1.2e-7, atol=0)
    # And rounding the float input to int8, as TFLite's QUANTIZE does, gives pixel - 128 for every pixel.
    int8 = np.rint(preprocess(ALL_PIXELS) / np.float32(quantization.scale)) + quantization.zero_point
    np.testing.assert_array_equal(int8, ALL_PIXELS.astype(int) - 128)


def test_the_app_s_input_is_half_a_step_off_for_symmetric() -> None:
    preprocess = from_name("symmetric")
    quantization = preprocess.quantization
    assert quantization is not None
    steps = (preprocess.as_the_app_does(ALL_PIXELS) - preprocess(ALL_PIXELS)) / quantization.scale
    np.testing.assert_allclose(steps, -0.5, atol=1e-4)


@pytest.mark.parametrize("name", BOUNDED)
def test_the_app_s_input_is_what_int8_stands_for(name: str) -> None:
    preprocess = from_name(name)
    quantization = preprocess.quantization
    assert quantization is not None
    int8 = (ALL_PIXELS.astype(np.int16) - 128).astype(np.int8)
    dequantized = np.float32(quantization.scale) * (int8.astype(np.float32) - quantization.zero_point)
    np.testing.assert_array_equal(preprocess.as_the_app_does(ALL_PIXELS), dequantized)
    assert quantization.range == pytest.approx((dequantized.min(), dequantized.max()), rel=1e-6)


@pytest.mark.parametrize("name", BOUNDED)
def test_a_fake_quant_and_the_converter_agree_on_the_range(name: str) -> None:
    """TensorFlow's fake-quant rounds [-1, 1] to zero point -1 and the converter to 0: `range` leaves no choice."""
    from edgeswap.frameworks import tf

    preprocess = from_name(name)
    assert preprocess.quantization is not None
    seen = preprocess.as_the_app_does(ALL_PIXELS)
    low, high = preprocess.quantization.range

    class Identity(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 16, 16, 1))])
        def call(self, x: Any) -> Any:
            quantized = tf.quantization.fake_quant_with_min_max_args(x, low, high)
            return tf.quantization.fake_quant_with_min_max_args(tf.nn.relu(quantized) * 0.5, 0.0, high)

    module = Identity()
    fake = tf.quantization.fake_quant_with_min_max_args(seen, low, high)
    np.testing.assert_allclose(fake, seen, atol=preprocess.quantization.scale * 1e-3)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.call.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter.representative_dataset = lambda: iter([[seen]])
    model = converter.convert()
    from ai_edge_litert.interpreter import Interpreter

    scale, zero_point = Interpreter(model_content=model).get_input_details()[0]["quantization"]
    assert scale == pytest.approx(preprocess.quantization.scale, rel=1e-6)
    assert zero_point == preprocess.quantization.zero_point


def test_without_bounds_the_app_sees_the_mapping() -> None:
    raw = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(from_name("torch").as_the_app_does(raw), from_name("torch")(raw))
    floats = np.array([[-3.5, 1e6]], np.float32)
    np.testing.assert_array_equal(from_name("none").as_the_app_does(floats), floats)


def test_a_dict_of_inputs_is_mapped_one_by_one() -> None:
    mapped = from_name("unit")({"left": ALL_PIXELS, "right": ALL_PIXELS[:, :1]})
    np.testing.assert_array_equal(mapped["right"], mapped["left"][:, :1])
    np.testing.assert_array_equal(from_name("unit").as_the_app_does({"a": ALL_PIXELS})["a"].max(), np.float32(1))


def test_of_several_inputs_the_pixels_are_mapped_and_the_rest_is_what_the_model_takes() -> None:
    floats = np.array([[-3.5], [1e6]], np.float32)
    given = {"image": np.repeat(ALL_PIXELS, 2, axis=0), "mean": floats, "age": np.array([[7], [300]])}
    for mapped in (
        from_name("unit")(given),
        from_name("unit").as_the_app_does(given),
        from_name("torch")(given | RGB_2),
    ):
        np.testing.assert_array_equal(mapped["mean"], floats)
        np.testing.assert_array_equal(mapped["age"], given["age"])
        assert mapped["age"].dtype == np.float32
        assert mapped["image"].max() < 3
    whole = {"image": ALL_PIXELS.astype(np.int64), "mean": floats[:1]}
    np.testing.assert_array_equal(from_name("unit")(whole)["mean"], floats[:1])
    assert from_name("unit")(whole)["image"].max() == 1
    both = {name: ALL_PIXELS.astype(np.float32) for name in ("left", "right")}
    assert {array.max() for array in from_name("unit")(both).values()} == {np.float32(1)}


RGB_2 = {"image": np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("raise KeyError('a key')", r"raised KeyError: 'a key' \(.*, line 2\)"),
        ("return raw.no_such_method()", r"raised AttributeError: .*no_such_method.* \(my_failing.*\.py, line 2\)"),
        ("raise OSError(28, 'No space')", "raised OSError"),
    ],
)
def test_an_error_in_a_user_s_function_names_it(
    error: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"my_failing_{abs(hash(error))}"
    (tmp_path / f"{module}.py").write_text(f"def prepare(raw):\n    {error}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"Expected {module}:prepare to return, but it {told}") as raised:
        from_name(f"{module}:prepare")(ALL_PIXELS)
    assert "\n" not in raised.value.problem
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize("code", ["1 / 0", "import no_such_module_here", "def broken(:"])
def test_a_module_that_cannot_be_imported_is_named(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"my_broken_{abs(hash(code))}"
    (tmp_path / f"{module}.py").write_text(f"{code}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"importable module in '{module}:prepare'"):
        from_name(f"{module}:prepare")


def test_a_user_s_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_preprocess.py").write_text(
        "def halve(raw):\n    return raw * 0.5\n"
        "def lose(raw):\n    return raw[:1]\n"
        "def words(raw):\n    return ['a'] * len(raw)\n"
    )
    monkeypatch.chdir(tmp_path)
    halved = from_name("my_preprocess:halve")(ALL_PIXELS)
    assert halved.dtype == np.float32
    np.testing.assert_array_equal(halved, ALL_PIXELS / np.float32(2))
    two = np.concatenate([ALL_PIXELS, ALL_PIXELS])
    for wrong in ("lose", "words"):
        with pytest.raises(DataError, match="2 samples"):
            from_name(f"my_preprocess:{wrong}")(two)
    with pytest.raises(ConfigError, match="no_such_function"):
        from_name("my_preprocess:no_such_function")


@pytest.mark.parametrize("name", ["units", "", "no_such_module_anywhere:f"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        from_name(name)


@pytest.mark.parametrize(
    ("name", "raw", "problem"),
    [
        ("caffe", ALL_PIXELS, "RGB"),
        ("torch", ALL_PIXELS, "RGB"),
        ("unit", np.full((1, 2, 2, 1), -0.5, np.float32), "0..255"),
        ("symmetric", np.full((1, 2, 2, 1), 256.0, np.float32), "0..255"),
    ],
)
def test_pixels_that_are_none_are_refused(name: str, raw: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        from_name(name)(raw)
    with pytest.raises(DataError, match=problem):
        from_name(name).as_the_app_does(raw)
