"""The fake-quant model: its values lie where int8 can be, and it trains."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.activations.catalog import parse
from edgeswap.errors import ModelError, OutputError
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization import checkpoint
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.quantizers import SMALLEST_WEIGHT_RANGE, LayerQuantizers, OutputQuantizer, WeightQuantizer
from edgeswap.quantization.ranges import End, resolve
from edgeswap.quantization.specification import Weight

SAMPLES = np.random.default_rng(0).random((40, 8, 8, 3), dtype=np.float32)


def float_graph(activation="hard_swish", seed=0):
    from edgeswap.activations.layers import activation_layer

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    kind = parse(activation)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv")(image)
    x = shortcut = activation_layer(kind, keras, name="act1")(layers.BatchNormalization(name="bn1")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = activation_layer(kind, keras, name="act2")(x)
    x = layers.Add(name="add")([x, shortcut])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(5, name="logits")(x)
    return canonicalize(read(keras.Model(image, logits, name="net")))


def placed(activation="hard_swish"):
    return place(float_graph(activation), input_ranges={"image": (0.0, 1.0)})


def fake_quant_model(activation="hard_swish"):
    placement = placed(activation)
    return quantize(placement, resolve(placement, calibrate(placement, [SAMPLES])))


def tap(model, name):
    return tf_keras.Model(model.inputs, model.get_layer(name).output)(SAMPLES, training=False).numpy()


def test_weights_are_whole_steps_of_their_channel_and_the_largest_is_127():
    kernel = np.random.default_rng(1).normal(size=(3, 3, 4, 2)).astype(np.float32)
    kernel[:, :, 1, 0] = 0
    rounded = WeightQuantizer((2, 3))(tf.constant(kernel), False, {}).numpy()
    for channel in np.ndindex(4, 2):
        values, given = rounded[(..., *channel)], kernel[(..., *channel)]
        scale = max(np.abs(given).max(), SMALLEST_WEIGHT_RANGE) / 127
        np.testing.assert_allclose(values / scale, np.round(given / scale), atol=1e-4)  # float32 division
        assert np.abs(values - given).max() <= scale / 2 * (1 + 1e-5)


def test_one_scale_for_a_weight_without_channels():
    kernel = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    rounded = WeightQuantizer()(tf.constant(kernel), False, {}).numpy()
    steps = rounded / (np.abs(kernel).max() / 127)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    assert np.abs(steps).max() == pytest.approx(127, abs=1e-3)


def test_the_gradient_of_a_weight_passes_straight_through():
    kernel = tf.Variable(np.random.default_rng(1).normal(size=(3, 3, 4, 2)).astype(np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(WeightQuantizer((3,))(kernel, True, {}) * 2.0)
    np.testing.assert_array_equal(tape.gradient(loss, kernel).numpy(), 2.0)


@pytest.mark.slow
def test_observe_gives_the_extremes_whatever_the_batches():
    placement = placed()
    ranges = calibrate(placement, [SAMPLES], batch_size=7)
    assert set(ranges) == set(placement.outputs) - {"image_range"}
    model = build(placement.graph)
    values = tf_keras.Model(model.inputs, model.get_layer("add").output)(SAMPLES).numpy()
    assert ranges["add"] == pytest.approx((min(values.min(), 0), max(values.max(), 0)), rel=1e-5)
    assert calibrate(placement, [SAMPLES], batch_size=40)["add"] == pytest.approx(ranges["add"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_names_the_layer_that_gives_it(value):
    placement = placed()
    samples = SAMPLES.copy()
    samples[11, 3, 3, 1] = value
    with pytest.raises(ModelError, match="got NaN or infinity from 'bn1'"):
        calibrate(placement, [samples])


@pytest.mark.slow
def test_what_is_behind_a_clipped_elu_is_observed_behind_the_clip():
    placement = placed("clipped_elu(max_value=0.1)")
    model = build(placement.graph)
    assert tf_keras.Model(model.inputs, model.get_layer("act1").output)(SAMPLES).numpy().max() <= 0.1
    _, high = calibrate(placement, [SAMPLES])["add"]
    assert high <= 0.2 + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["fixed", "observed", "learned"])
@pytest.mark.parametrize(
    "activation",
    ["relu6", "relu_n(max_value=0.5)", "hard_swish(max_value=0.3)", "swish", "elu", "clipped_elu(alpha=0.5)"],
)
def test_every_output_has_at_most_256_values_within_its_range(activation, policy):
    placement = placed(activation)
    observed = calibrate(placement, [SAMPLES])
    model = quantize(placement, resolve(placement, observed, policy=policy))
    for name, ends in resolve(placement, observed, policy).items():
        low, high = ends.low.value, ends.high.value
        values, step = tap(model, name), (high - low) / 255
        assert len(np.unique(values)) <= 256
        assert values.min() >= low - step  # the zero point is a whole number: the range moves by up to half a step
        assert values.max() <= high + step
        np.testing.assert_allclose(values / step, np.round(values / step), atol=1e-2)


@pytest.mark.slow
def test_the_fake_quant_model_stays_near_the_float_model_and_leaves_it_alone():
    placement = placed()
    before = [weight.copy() for layer in placement.graph.layers.values() for weight in layer.weights]
    ranges = calibrate(placement, [SAMPLES])
    fake = quantize(placement, resolve(placement, ranges))(SAMPLES, training=False).numpy()
    real = build(placement.graph)(SAMPLES, training=False).numpy()
    # Some ten roundings of at most half a step each, on a path whose gains are near 1: ten output steps are ample.
    low, high = ranges["logits"]
    assert np.abs(fake - real).max() <= 10 * (high - low) / 255
    assert np.abs(fake - real).max() > 0
    after = [weight for layer in placement.graph.layers.values() for weight in layer.weights]
    assert all((one == other).all() for one, other in zip(before, after, strict=True))


def test_a_range_without_a_bound_must_have_been_observed():
    with pytest.raises(ModelError, match="logits"):
        quantize(placed(), resolve(placed(), {}))


@pytest.mark.filterwarnings("ignore:Layer 'conv' .*mask attached:UserWarning")
def test_a_mask_is_refused_with_the_layer_that_makes_it():
    layers, line = keras.layers, keras.Input((6, 4), name="line")
    x = layers.Conv1D(4, 3, name="conv")(layers.Masking(0.0, name="masking")(line))
    graph = canonicalize(read(keras.Model(line, layers.Dense(3, name="out")(layers.GlobalAveragePooling1D()(x)))))
    placement = place(graph, input_ranges={"line": (0.0, 1.0)})
    observed = calibrate(placement, [SAMPLES[:, :6, :4, 0]])
    with pytest.raises(ModelError, match=r"'masking' \(Masking\), which reaches 'conv' \(Conv1D\)") as refused:
        quantize(placement, resolve(placement, observed))
    assert "Leave 'masking' out" in refused.value.remedy


@pytest.mark.slow
def test_ranges_follow_the_batches_in_training_only():
    model = fake_quant_model()
    (high,) = [variable for variable in model.get_layer("add").weights if "output_high" in variable.name]
    start = float(high)
    model(SAMPLES * 4, training=False)
    assert float(high) == start
    model(SAMPLES * 4, training=True)
    assert float(high) > start
    fixed = quantize(placed(), resolve(placed(), calibrate(placed(), [SAMPLES]), policy="fixed"))
    assert not any("output_low" in variable.name for variable in fixed.get_layer("act1").weights)  # hard_swish's


def test_a_clipped_elu_clips_by_its_range_and_passes_no_gradient_beyond():
    quantizer = OutputQuantizer(End(-1.0), End(6.0))
    x = tf.constant([-0.5, 2.0, 5.9, 7.0, 100.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = quantizer(tf.nn.elu(x), True, {})
    assert y.numpy().max() == pytest.approx(6.0, abs=7 / 255 / 2)
    gradient = tape.gradient(y, x).numpy()
    assert (gradient[-2:] == 0).all()
    assert (gradient[:3] > 0).all()


@pytest.mark.slow
def test_layers_keep_their_names():
    placement = placed()
    assert [layer.name for layer in fake_quant_model().layers] == [
        layer.name for layer in build(placement.graph).layers
    ]


def test_a_config_survives_the_round_trip():
    output = OutputQuantizer(End(-1.5, "observed"), End(4.0, "learned", 6.0), 0.9)
    config = LayerQuantizers([Weight("kernel", (3,))], output)
    again = LayerQuantizers.from_config(config.get_config())
    assert again.get_config() == config.get_config()
    assert again.output is not None
    assert (again.output.low, again.output.high) == (output.low, output.high)


@pytest.mark.slow
def test_a_clone_computes_the_same():
    model = fake_quant_model("clipped_elu(alpha=0.5)")
    clone = tf_keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(SAMPLES).numpy(), model(SAMPLES).numpy())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "policy"),
    [
        ("hard_swish(max_value=2)", "learned"),
        pytest.param("pact", "auto", marks=pytest.mark.rare),
        pytest.param("clipped_elu(alpha=0.5)", "fixed", marks=pytest.mark.rare),
    ],
)
def test_the_model_can_be_saved_loaded_and_trained_on(tmp_path, activation, policy):
    from edgeswap.conversion.convert import convert
    from edgeswap.training.fit import train

    labels = np.arange(40) % 5
    how = {"read": lambda rows: (SAMPLES[rows],), "count": 40, "labels": labels, "seed": 0, "batch_size": 8}
    placement = placed(activation)
    start = quantize(placement, resolve(placement, calibrate(placement, [SAMPLES]), policy=policy))
    model = train(start, epochs=2, learning_rate=1e-2, **how).model
    checkpoint.save(model, tmp_path / "saved")
    again = checkpoint.load(tmp_path / "saved")
    np.testing.assert_array_equal(again(SAMPLES).numpy(), model(SAMPLES).numpy())
    assert (again(SAMPLES).numpy() != start(SAMPLES).numpy()).any()
    further = [train(one, epochs=1, learning_rate=1e-3, **how).model for one in (model, again)]
    for one, other in zip(*(trained.get_weights() for trained in further), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (further[0](SAMPLES).numpy() != model(SAMPLES).numpy()).any()
    assert convert(again, representative=[SAMPLES[:1]]) == convert(model, representative=[SAMPLES[:1]])


@pytest.mark.slow
def test_a_saved_model_replaces_nothing_and_must_be_there(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputError, match="there"):
        checkpoint.save(fake_quant_model(), tmp_path / "there")
    with pytest.raises(ModelError, match="there"):
        checkpoint.load(tmp_path / "there")
