"""One scale for a whole weight tensor: in the fake-quant model, in the file, and in what a user may ask for."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap
from edgeswap.config.export import export_config
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.errors import ConfigError
from edgeswap.frameworks import keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.folding import fold_batch_norms
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.tflite import flatbuffer
from edgeswap.tflite.one_scale import with_one_scale
from tests.tflite_models import run_on_reals

SAMPLES = np.random.default_rng(0).normal(size=(32, 8, 8, 3)).astype(np.float32)
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")


def network():
    """Every kind of convolution, batch normalization behind some, and channels of unlike sizes."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = pixels = keras.Input((8, 8, 3), name="pixels")
    for block in (
        layers.Conv2D(8, 3, padding="same", use_bias=False),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.SeparableConv2D(8, 3, padding="same"),
        layers.Conv2DTranspose(6, 2, strides=2),
    ):
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.0)(block(x)))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(10, 1)(x))
    model = keras.Model(pixels, layers.Dense(4)(x))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            spread = np.exp(np.linspace(-2, 2, layer.gamma.shape[0])).astype(np.float32)
            layer.gamma.assign(spread)
    model(SAMPLES, training=True)  # leaves the statistics of the samples in each batch normalization
    return model


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.mark.slow
def test_folding_keeps_the_function_and_leaves_no_batch_normalization(model):
    folded = fold_batch_norms(canonicalize(read(model)))
    assert "BatchNormalization" not in {layer.class_name for layer in folded.layers.values()}
    wanted = model.predict(SAMPLES, verbose=0)
    # float32's rounding, over some ten layers
    np.testing.assert_allclose(build(folded)(SAMPLES).numpy(), wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.slow
def test_the_file_has_one_scale_a_tensor_and_computes_what_the_fake_quant_model_does(model):
    graph = canonicalize(read(model))
    kinds = [(dense, per_channel) for dense in (True, False) for per_channel in (True, False)]
    fakes = []
    for dense, per_channel in kinds:
        place_of = place(graph, input_ranges={"pixels": None}, per_channel_dense=dense, per_channel=per_channel)
        fakes.append(quantize(place_of, resolve(place_of, calibrate(place_of, [SAMPLES]), trains=False)))
    files = convert_all(
        [
            Conversion(fake, "int8", [SAMPLES[:1]], dense, per_channel)
            for fake, (dense, per_channel) in zip(fakes, kinds, strict=True)
        ]
    )
    for (dense, per_channel), fake, file in zip(kinds, fakes, files, strict=True):
        counts = scale_counts(file)
        assert [count > 1 for count in counts["FULLY_CONNECTED"]] == [dense]
        assert {count > 1 for name in CONVOLUTIONS for count in counts[name]} == {per_channel}
        imitated = fake(SAMPLES, training=False).numpy()
        step = flatbuffer.tensors(flatbuffer.read(file), 0)[flatbuffer.read(file).subgraphs[0].outputs[0]].scales[0]
        # Half a step of rounding in each of ten layers: a wrong weight or bias is off by far more.
        assert np.abs(run_on_reals(file, SAMPLES)[0] - imitated).max() < 6 * step
        assert with_one_scale(with_one_scale(file)) == with_one_scale(file)


def scale_counts(file):
    read_model = flatbuffer.read(file)
    found = {name: [] for name in (*CONVOLUTIONS, "FULLY_CONNECTED")}
    for operator in read_model.subgraphs[0].operators:
        name = flatbuffer.operator_name(read_model.operatorCodes[operator.opcodeIndex])
        if name in found:
            kernel = read_model.subgraphs[0].tensors[operator.inputs[1]]
            found[name].append(len(kernel.quantization.scale))
    assert all(found.values())
    return found


@pytest.mark.slow
def test_a_saved_fake_quant_model_is_converted_with_the_scales_that_it_was_made_with(model, tmp_path):
    place_of = place(canonicalize(read(model)), input_ranges={"pixels": None}, per_channel=False)
    fake = quantize(place_of, resolve(place_of, calibrate(place_of, [SAMPLES]), trains=False))
    edgeswap.save_qat(fake, tmp_path / "saved")
    counts = scale_counts(edgeswap.convert_qat(edgeswap.load_qat(tmp_path / "saved"), SAMPLES[:1]))
    assert {count for found in counts.values() for count in found} == {1}


def test_dense_layers_follow_unless_they_are_named():
    follows = export_config({"weight_scales": "per-tensor"})
    assert (follows.dense_scales_or_default, follows.dense_scales_by) == ("per-tensor", "weights")
    named = export_config({"weight_scales": "per-tensor", "dense_scales": "per-channel"})
    assert (named.dense_scales_or_default, named.dense_scales_by) == ("per-channel", "user")


def test_only_int8_has_weight_scales():
    with pytest.raises(ConfigError, match="Expected no --weight-scales for --precision float16"):
        export_config({"precision": "float16", "weight_scales": "per-tensor"})
