"""Ends of ranges that learn: their gradient, their limits, and that the converter honours where training left them."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.conversion.convert import convert
from edgeswap.frameworks import tf, tf_keras
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.quantizers import OutputQuantizer, learned_fake_quant, rounded_weights
from edgeswap.quantization.ranges import End, resolve
from edgeswap.tflite.flatbuffer import read, view
from edgeswap.training.fit import train
from tests.test_qat import SAMPLES, float_graph

LABELS = np.arange(len(SAMPLES)) % 5
HOW = {"read": lambda rows: (SAMPLES[rows],), "count": len(SAMPLES), "labels": LABELS, "seed": 0, "batch_size": 8}


def gradients(x, low, high):
    """dy/dx, and the sums of dy/dlow and dy/dhigh."""
    x, low, high = (tf.constant(value, tf.float32) for value in (x, low, high))
    with tf.GradientTape() as tape:
        tape.watch([x, low, high])
        total = tf.reduce_sum(learned_fake_quant(x, low, high))
    return [gradient.numpy() for gradient in tape.gradient(total, [x, low, high])]


def test_a_value_beyond_an_end_moves_that_end_alone_and_passes_no_gradient():
    to_x, to_low, to_high = gradients([7.0, 8.0, -2.0], -1.0, 6.0)
    assert (to_x.tolist(), to_low, to_high) == ([0.0, 0.0, 0.0], 1.0, 2.0)


@pytest.mark.parametrize(("low", "high"), [(0.0, 2.55), (-1.0, 1.55)])
def test_a_value_inside_moves_both_ends_by_its_rounding(low, high):
    # the step is 0.01: 0.504 becomes 0.50 and 0.507 becomes 0.51
    to_x, to_low, to_high = gradients([0.504, 0.507], low, high)
    assert to_x.tolist() == [1.0, 1.0]
    expected = (0.50 - 0.504 + 0.51 - 0.507) / 2.55
    assert to_high == pytest.approx(expected, abs=1e-6)
    assert to_low == pytest.approx(-expected, abs=1e-6)


def test_the_gradient_to_the_step_is_that_of_learned_step_size_quantization():
    # With low at 0 the step is high / 255 and q = x / step: equation 3 of arXiv:1902.08153 has round(q) - q, or 255.
    x, high = np.random.default_rng(0).uniform(0, 3, 50).astype(np.float32), 2.0
    q = x.astype(np.float64) / (high / 255)
    by_step = np.where(q > 255, 255.0, np.round(q) - q).sum()
    _, _, to_high = gradients(x, 0.0, high)
    assert to_high == pytest.approx(by_step / 255, rel=1e-3)


def test_learning_changes_the_gradient_and_not_the_values():
    x = tf.constant(np.random.default_rng(0).normal(size=500), tf.float32)
    expected = tf.quantization.fake_quant_with_min_max_vars(x, -1.0, 2.0)
    np.testing.assert_array_equal(learned_fake_quant(x, tf.constant(-1.0), tf.constant(2.0)), expected)


def learned(activation, policy="learned", epochs=3, learning_rate=1e-2):
    """A placement, the first ranges, and the model trained with them."""
    placement = place(float_graph(activation), input_ranges={"image": (0.0, 1.0)})
    observed = calibrate(placement, [SAMPLES])
    start = resolve(placement, observed, policy)
    model = train(
        quantize(placement, resolve(placement, observed, policy=policy)),
        epochs=epochs,
        learning_rate=learning_rate,
        **HOW,
    ).model
    return start, model


def ends(model, name):
    """Where the range of a layer ends now; None for an end that has no variable."""
    layer = model.get_layer(name)
    units = layer.quantize_config.output.unit
    found = {}
    for variable in layer.weights:
        for side in ("low", "high"):
            if variable.name.endswith(f"output_{side}:0"):
                scale = units if getattr(layer.quantize_config.output, side).how == "learned" else 1.0
                found[side] = float(variable) * scale
    return found.get("low"), found.get("high")


@pytest.mark.slow
def test_every_learned_range_moves_and_none_beyond_its_bounds():
    start, model = learned("hard_swish(max_value=2)")
    assert start["image_range"].high.how == "fixed"
    moved = 0
    for name, first in start.items():
        for first_end, now in zip((first.low, first.high), ends(model, name), strict=True):
            if first_end.how == "learned":
                moved += abs(now - first_end.value) > 1e-4
                assert first_end.limit is None or abs(now) <= abs(first_end.limit) * (1 + 1e-6)
    assert moved >= len(start) - 1  # of two ends each one moves at least; the input's stand


@pytest.mark.slow
def test_the_ceiling_of_a_pact_is_learned_under_every_policy():
    for policy in ("auto", "fixed"):
        start, model = learned("pact(max_value=0.1)", policy)
        assert (start["act1"].low.how, start["act1"].high.how, start["act1"].high.limit) == ("fixed", "learned", None)
        assert start["act1"].high.value == pytest.approx(0.1)
        _, high = ends(model, "act1")
        assert abs(high - 0.1) > 1e-3
        # it clips there, and is no longer held to where it began
        values = tf.nn.relu(np.linspace(0, 9, 50, dtype=np.float32))
        layer = model.get_layer("act1")
        clipped = layer._output_quantizers[0](values, False, layer._output_quantizer_vars).numpy()
        assert clipped.max() == pytest.approx(high, rel=1 / 255)


def test_a_learned_end_stays_on_its_side_of_zero_and_apart_from_the_other():
    quantizer = OutputQuantizer(End(-1.0, "learned"), End(3.0, "learned", 6.0))
    low, high = quantizer._kept_apart("low", None), quantizer._kept_apart("high", 6.0)
    assert float(low(tf.constant(0.5))) == 0.0
    assert float(high(tf.constant(-5.0))) > 0
    assert float(high(tf.constant(99.0))) * quantizer.unit == pytest.approx(6.0)


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "policy"), [("hard_swish", "learned"), ("pact(max_value=0.4)", "auto")])
def test_the_converter_honours_what_was_learned(activation, policy):
    start, model = learned(activation, policy)
    flatbuffer = read(convert(model, representative=[SAMPLES[:1]]))
    scales = {round(float(scale), 9) for tensor in flatbuffer.subgraphs[0].tensors for scale in view(tensor).scales}
    checked = 0
    for name, first in start.items():
        now = [
            first_end.value if end is None else end
            for first_end, end in zip((first.low, first.high), ends(model, name), strict=True)
        ]
        if "learned" in (first.low.how, first.high.how):
            scale = (now[1] - now[0]) / 255
            assert any(abs(scale - found) <= 1e-6 * scale + 1e-9 for found in scales), name
            checked += 1
    assert checked == {"learned": len(start) - 1, "auto": 2}[policy]


def test_a_searched_end_follows_inwards_and_never_back_out():
    quantizer = OutputQuantizer(End(-1.0, "searched"), End(2.0, "observed"), decay=0.5)
    layer = tf_keras.layers.Layer()
    layer.layer = tf_keras.layers.Layer()
    weights = quantizer.build((None, 2), "output", layer)
    for _ in range(20):
        quantizer(tf.constant([[-8.0, 8.0]]), True, weights)
    assert float(weights["low"]) == pytest.approx(-1.0)
    assert float(weights["high"]) == pytest.approx(8.0, rel=1e-3)
    for _ in range(20):
        quantizer(tf.constant([[-0.25, 8.0]]), True, weights)
    assert float(weights["low"]) == pytest.approx(-0.25, rel=1e-3)


@pytest.mark.slow
def test_the_converter_gets_weights_that_are_rounded_already():
    """It computes constants itself, but none as large as VGG16's first dense layer: that one stayed in float32."""
    placement = place(float_graph("relu"), input_ranges={"image": (0.0, 1.0)})
    model = quantize(placement, resolve(placement, calibrate(placement, [SAMPLES]), trains=False))
    wanted = model(SAMPLES[:4], training=False).numpy()

    def operators():
        spec = tf.TensorSpec((1, *SAMPLES.shape[1:]), tf.float32)
        traced = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
        return [operator.type for operator in traced.graph.get_operations()]

    assert "Round" in operators()
    with rounded_weights(model) as variables:
        assert "Round" not in operators()
        assert len(variables) == len(model.variables)
        np.testing.assert_array_equal(model(SAMPLES[:4], training=False).numpy(), wanted)
    assert "Round" in operators()
    kernel = next(variable for variable in model.variables if "kernel" in variable.name)
    kernel.assign(kernel * 2)  # which the context does not hold back
    assert np.abs(model(SAMPLES[:4], training=False).numpy() - wanted).max() > 0
