"""What is multiplied with a kernel, ranges that are searched, and weights that are corrected, on tiny networks."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Layer
from edgeswap.graph.read import read
from edgeswap.quantization import layer_by_layer, reconstruction
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.decompose import decompose
from edgeswap.quantization.folding import fold_batch_norms
from edgeswap.quantization.kernel_inputs import as_groups, as_kernel, has_kernel_inputs, kernel_inputs
from edgeswap.quantization.layer_normalization import part_layer_normalizations
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.range_search import search_ranges
from edgeswap.quantization.ranges import resolve
from edgeswap.quantization.reconstruction import reconstruct
from edgeswap.quantization.specification import Weight

SAMPLES = np.random.default_rng(0).normal(size=(48, 9, 8, 3)).astype(np.float32)
OTHERS = np.random.default_rng(1).normal(size=(48, 9, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kind", ["Conv2D", "DepthwiseConv2D", "Dense"])
def test_inputs_times_kernel_are_the_outputs(kind, padding, strides):
    keras.utils.set_random_seed(0)
    made = {
        "Conv2D": lambda: keras.layers.Conv2D(5, (3, 2), strides, padding, use_bias=False, name="layer"),
        "DepthwiseConv2D": lambda: keras.layers.DepthwiseConv2D(3, strides, padding, use_bias=False, name="layer"),
        "Dense": lambda: keras.layers.Dense(5, use_bias=False, name="layer"),
    }[kind]()
    pixels = keras.Input((9, 8, 3))
    model = keras.Model(pixels, made(pixels))
    layer = canonicalize(read(model)).layers["layer"]
    assert has_kernel_inputs(layer)
    few = SAMPLES[:4]  # few enough for every place to be looked at
    kernel = as_groups(layer, layer.weights[0])
    np.testing.assert_array_equal(as_kernel(layer, kernel), layer.weights[0])
    found = kernel_inputs(layer, [few[:1], few[1:]]) @ kernel  # (groups, places, outputs)
    wanted = model.predict(few, verbose=0)
    given = found.transpose(1, 0, 2).reshape(wanted.shape)
    np.testing.assert_allclose(given, wanted, atol=1e-5)  # float32's rounding


@pytest.mark.parametrize(
    "made",
    [
        keras.layers.Conv2D(6, 3, groups=3, name="layer"),
        keras.layers.Conv2D(4, 3, dilation_rate=2, name="layer"),
        keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="layer"),
    ],
    ids=["groups", "dilated", "several of a channel"],
)
def test_a_kernel_that_is_applied_otherwise_is_not_known(made):
    pixels = keras.Input((9, 8, 3))
    assert not has_kernel_inputs(canonicalize(read(keras.Model(pixels, made(pixels)))).layers["layer"])


@pytest.mark.parametrize(
    "behind",
    [
        lambda x: keras.layers.BatchNormalization(name="layer")(keras.layers.ReLU()(x)),
        lambda x: keras.layers.Conv2D(2, 3, padding="same")(keras.layers.LayerNormalization(name="layer")(x)),
    ],
    ids=["batch", "layer"],
)
def test_the_kernel_that_stands_for_a_normalization_is_rounded_as_others_are(behind):
    pixels = keras.Input((9, 8, 3))
    graph = decompose(part_layer_normalizations(canonicalize(read(keras.Model(pixels, behind(pixels))))))
    layer = graph.layers["layer"]
    assert has_kernel_inputs(layer)
    found = kernel_inputs(layer, [SAMPLES[:3], SAMPLES[3:4]]) @ as_groups(layer, layer.weights[0])
    given = found.transpose(1, 0, 2).reshape(SAMPLES[:4].shape)
    np.testing.assert_allclose(given, SAMPLES[:4] * layer.weights[0].reshape(-1), atol=1e-5)  # float32's rounding


def test_weights_are_not_fitted_to_too_few_rows():
    kernel = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    layer, weight = Layer("layer", "Dense", {}, (kernel,)), Weight("kernel")
    rows = np.random.default_rng(1).normal(size=(16, 8)).astype(np.float32)
    plain = reconstruction._rounded(layer, weight, None)
    np.testing.assert_array_equal(reconstruction._rounded(layer, weight, rows[:15]), plain)
    assert (reconstruction._rounded(layer, weight, rows) != plain).any()


def network():
    """Swish and ReLU6, a depthwise layer of unlike channels, and one channel far larger than the others."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    pixels = keras.Input((9, 8, 3), name="pixels")
    x = layers.Conv2D(12, 3, activation="swish", name="first")(pixels)
    x = layers.ReLU(6.0)(layers.DepthwiseConv2D(3, name="depthwise")(x))
    x = layers.BatchNormalization()(layers.Conv2D(8, 1, use_bias=False, name="project")(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, layers.Dense(6, name="head")(x))
    kernel, bias = model.get_layer("depthwise").get_weights()
    spread = np.exp(np.linspace(-3, 3, 12)).astype(np.float32)
    model.get_layer("depthwise").set_weights([kernel * spread[:, None], bias + 0.5])
    return model


@pytest.fixture(scope="module")
def placed():
    graph = fold_batch_norms(canonicalize(read(network())))
    found = place(graph, input_ranges={"pixels": None}, per_channel=False)
    return found, resolve(found, calibrate(found, [SAMPLES]), trains=False), build(graph)


def noise(model, wanted):
    return np.square(model(OTHERS, training=False).numpy() - wanted).mean() / np.square(wanted).mean()


@pytest.mark.slow
def test_corrected_weights_serve_samples_that_were_not_seen(placed):
    placement, ranges, float_model = placed
    wanted = float_model(OTHERS).numpy()
    plain = noise(quantize(placement, ranges), wanted)
    biases = reconstruct(placement, ranges, [SAMPLES], rounds_weights=False)
    weights = reconstruct(placement, ranges, [SAMPLES], rounds_weights=True)
    assert noise(quantize(biases, ranges), wanted) < plain
    assert noise(quantize(weights, ranges), wanted) < 0.7 * plain


def test_the_mean_of_every_output_comes_back(placed):
    placement, ranges, float_model = placed
    corrected = reconstruct(placement, ranges, [SAMPLES], rounds_weights=False)
    wanted, got = (model(SAMPLES).numpy().mean(axis=0) for model in (float_model, quantize(corrected, ranges)))
    step = (ranges["head"].high.value - ranges["head"].low.value) / 255
    np.testing.assert_allclose(got, wanted, atol=step)  # the output itself is rounded after its bias was corrected


def test_a_kernel_that_is_not_corrected_is_the_float_one(placed):
    """A large one has no room for a copy, and QAT goes on from it; both give the same int8 values."""
    placement, ranges, _ = placed
    corrected = reconstruct(placement, ranges, [SAMPLES], rounds_weights=False).graph
    changed = [name for name, layer in corrected.layers.items() if layer is not placement.graph.layers[name]]
    assert changed
    for name in changed:
        assert corrected.layers[name].weights[0] is placement.graph.layers[name].weights[0]


def test_who_asks_whether_anything_changes_hears_of_the_first_layer_alone(placed):
    placement, ranges, _ = placed

    def changed(**how):
        layers = reconstruct(placement, ranges, [SAMPLES], rounds_weights=False, **how).graph.layers
        return [
            node.layer for node in placement.graph.nodes if layers[node.layer] is not placement.graph.layers[node.layer]
        ]

    assert len(changed()) > 1
    assert changed(until_first=True) == changed()[:1]


def test_small_lacks_are_left_where_others_read_what_a_concat_joins():
    """As in a DenseNet: the first convolution has the concat's range, and the second one reads it too."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    pixels = keras.Input((9, 8, 3), name="pixels")
    first = layers.Conv2D(6, 3, padding="same", name="first")(pixels)
    second = layers.Conv2D(6, 3, padding="same", name="second")(first)
    model = keras.Model(pixels, layers.Conv2D(4, 1, name="last")(layers.Concatenate(name="join")([first, second])))
    found = place(canonicalize(read(model)), input_ranges={"pixels": None})
    ranges = resolve(found, calibrate(found, [SAMPLES]), trains=False)
    assert ranges["first"] == ranges["join"]
    assert reconstruct(found, ranges, [SAMPLES], rounds_weights=False) is not found
    assert reconstruct(found, ranges, [SAMPLES], rounds_weights=False, least_steps=2.0) is found


def test_it_repeats_to_the_bit(placed):
    placement, ranges, _ = placed
    first, second = (reconstruct(placement, ranges, [SAMPLES], rounds_weights=True).graph for _ in range(2))
    for name, layer in first.layers.items():
        for one, other in zip(layer.weights, second.layers[name].weights, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_parts_of_large_tensors_give_what_all_samples_give(placed, monkeypatch):
    """Parts of 7 samples, and a last one of 6. The means are of float32, far finer than a step."""
    placement, ranges, _ = placed

    def found():
        biases = reconstruct(placement, ranges, [SAMPLES], rounds_weights=False).graph.layers
        return {name: biases[name].weights[-1] for name in ranges if biases[name].weights}, search_ranges(
            placement, ranges, [SAMPLES]
        )

    biases, searched = found()
    monkeypatch.setattr(layer_by_layer, "PART_BYTES", 7 * 4 * 7 * 6 * 12)
    parts = layer_by_layer.LayerByLayer(placement.graph, [SAMPLES]).compute(placement.graph.nodes[0])
    assert list(map(len, parts)) == [7] * 6 + [6]
    in_parts, searched_in_parts = found()
    assert searched_in_parts == searched
    assert biases.keys() == in_parts.keys() != set()
    for name, bias in biases.items():
        step = (ranges[name].high.value - ranges[name].low.value) / 255
        np.testing.assert_allclose(in_parts[name], bias, atol=step / 1000, rtol=0)


@pytest.mark.slow
def test_ranges_are_searched_where_calibration_set_them(placed):
    placement, ranges, float_model = placed
    found = search_ranges(placement, ranges, [SAMPLES])
    assert any(ends.high.how == "searched" for ends in found.values())
    for name, ends in found.items():
        before = ranges[name]
        assert ends.low.value >= before.low.value
        assert ends.high.value <= before.high.value
        for end, old in ((ends.low, before.low), (ends.high, before.high)):
            assert end == old or (end.how == "searched" and old.how != "fixed")
    wanted = float_model(OTHERS).numpy()
    assert noise(quantize(placement, found), wanted) < 1.1 * noise(quantize(placement, ranges), wanted)


@pytest.mark.parametrize("axes", [(), (1,)])
def test_a_kernel_is_rounded_in_the_place_of_one_copy(axes):
    """Of VGG16's first dense layer, 411 MB, four were alive at once."""
    kernel = np.random.default_rng(0).normal(size=(1024, 512)).astype(np.float32)
    layer = Layer("layer", "Dense", {}, (kernel,))
    tracemalloc.start()
    try:
        rounded = reconstruction._rounded(layer, Weight("kernel", axes), None)
        assert tracemalloc.get_traced_memory()[1] < 1.2 * kernel.nbytes
    finally:
        tracemalloc.stop()
    scale = np.abs(kernel).max(axis=tuple({0, 1} - {*axes}), keepdims=True) / 127
    np.testing.assert_array_equal(rounded, np.rint(kernel / scale) * scale)
