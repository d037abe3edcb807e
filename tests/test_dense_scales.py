"""One scale for each unit of a dense layer, where the runtime has it: an autoencoder keeps its outputs."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap
from edgeswap.config.export import export_config
from edgeswap.conversion.convert import Conversion, convert, convert_all
from edgeswap.errors import ConfigError
from edgeswap.frameworks import keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.targets.names import dense_scales_for
from edgeswap.tflite import flatbuffer
from edgeswap.tflite.dense import dense_weights
from edgeswap.tflite.record import candidate_file
from tests.tflite_models import run_on_reals

# A spectrum in dB: its loudness, which all bands share, varies far more than its shape.
RANDOM = np.random.default_rng(0)
SAMPLES = (RANDOM.normal(size=(64, 40)) + 12 * RANDOM.normal(size=(64, 1))).astype(np.float32)


def autoencoder():
    """The shape of MLPerf Tiny's: dense layers, each with batch normalization and ReLU, through a narrow middle.

    Every second unit of the first layer does not see the loudness, so its batch normalization is some 12 times greater.
    """
    keras.utils.set_random_seed(0)
    x = spectrum = keras.Input((40,), name="spectrum")
    for number, units in enumerate((32, 32, 8, 32, 32)):
        x = keras.layers.Dense(units, name=f"dense{number}")(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.0)(x))
    model = keras.Model(spectrum, keras.layers.Dense(40, name="spectrum_again")(x))
    kernel, bias = model.get_layer("dense0").get_weights()
    kernel[:, ::2] -= kernel[:, ::2].mean(axis=0)
    model.get_layer("dense0").set_weights([kernel, bias])
    model(SAMPLES, training=True)  # leaves the statistics of the samples in each batch normalization
    return model


def fake_quant(model, *, per_channel_dense):
    placement = place(canonicalize(read(model)), input_ranges={"spectrum": None}, per_channel_dense=per_channel_dense)
    return quantize(placement, resolve(placement, calibrate(placement, [SAMPLES]), trains=False))


@pytest.fixture(scope="module")
def models():
    model = autoencoder()
    return model, {each: fake_quant(model, per_channel_dense=each) for each in (True, False)}


def decibels(signal, noisy):
    return 10 * np.log10(np.square(signal).sum() / np.square(signal - noisy).sum())


@pytest.mark.slow
def test_an_autoencoder_keeps_its_outputs_with_a_scale_for_each_unit(models):
    model, fake_quants = models
    files = convert_all(
        [Conversion(fake, "int8", [SAMPLES[:1]], per_channel_dense=each) for each, fake in fake_quants.items()]
    )
    wanted = model.predict(SAMPLES, verbose=0)
    found = {each: run_on_reals(file, SAMPLES)[0] for each, file in zip(fake_quants, files, strict=True)}
    ratios = {each: decibels(wanted, outputs) for each, outputs in found.items()}
    for each, fake in fake_quants.items():
        # What training sees is what int8 does: most noise of int8 is that of fake-quant.
        assert decibels(fake(SAMPLES, training=False).numpy(), found[each]) > ratios[each] + 6
    # The rest is the input's rounding: the shape of the spectrum has some 10 of its 255 steps.
    assert ratios[True] > 15
    assert ratios[True] > ratios[False] + 2


@pytest.mark.slow
def test_a_dense_layer_of_one_unit_has_nothing_to_choose():
    spectrum = keras.Input((40,), name="spectrum")
    fake = fake_quant(keras.Model(spectrum, keras.layers.Dense(1)(spectrum)), per_channel_dense=True)
    file = convert(fake, representative=[SAMPLES[:1]], per_channel_dense=True)
    assert candidate_file("model_int8.tflite", file, None).dense_scales is None


@pytest.mark.slow
def test_a_saved_fake_quant_model_is_converted_with_the_scales_that_it_was_made_with(models, tmp_path):
    _, fake_quants = models
    for each, fake in fake_quants.items():
        edgeswap.save_qat(fake, tmp_path / str(each))
        file = edgeswap.convert_qat(edgeswap.load_qat(tmp_path / str(each)), SAMPLES[:1])
        counts = [len(weights.scales) for weights in dense_weights(flatbuffer.read(file))]
        assert counts == ([32, 32, 8, 32, 32, 40] if each else [1] * 6)


def test_the_edge_tpu_has_one_scale_a_layer_and_all_else_one_for_each_unit():
    assert dense_scales_for("edgetpu") == "per-tensor"
    assert {dense_scales_for(delegate) for delegate in (None, "xnnpack", "none")} == {"per-channel"}


@pytest.mark.parametrize(
    ("settings", "scales", "by"),
    [
        ({}, "per-channel", "target"),
        ({"delegate": "edgetpu"}, "per-tensor", "target"),
        ({"delegate": "edgetpu", "dense_scales": "per-channel"}, "per-channel", "user"),
        ({"dense_scales": "per-tensor"}, "per-tensor", "user"),
    ],
)
def test_what_is_asked_for_goes_before_what_suits_the_target(settings, scales, by):
    config = export_config(settings)
    assert (config.dense_scales_or_default, config.dense_scales_by) == (scales, by)


def test_only_int8_has_a_choice():
    assert export_config({"precision": "int16x8"}).dense_scales_by is None
    with pytest.raises(ConfigError, match="Expected no --dense-scales for --precision float16"):
        export_config({"precision": "float16", "dense_scales": "per-tensor"})
