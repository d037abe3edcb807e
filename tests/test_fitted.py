"""What PTQ is made of: ranges by calibration, and biases where a channel is far off in the mean."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.progress import Silent
from edgeswap.quantization.fitted import MOST_SHIFTED, Fitting
from edgeswap.quantization.qat import quantize

CHANNELS = 100
SAMPLES = np.random.default_rng(0).uniform(0, 1, (64, 4, 4, CHANNELS)).astype(np.float32)


def network(small, *, batch_norm):
    """A 1x1 convolution: in channel 0 one weight is 1 and all others `small` steps of that, which may round to none."""
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, CHANNELS), name="image")
    convolution = keras.layers.Conv2D(2, 1, use_bias=not batch_norm, name="convolution")
    tensor = convolution(image)
    model = keras.Model(image, keras.layers.BatchNormalization(name="norm")(tensor) if batch_norm else tensor)
    kernel = convolution.get_weights()[0]
    kernel[..., 0] = small / 127
    kernel[..., 0, 0] = 1.0
    convolution.set_weights([kernel, *convolution.get_weights()[1:]])
    return model


def fitting(model):
    graph = canonicalize(read(model))
    ranges = {"image": (0.0, 1.0)}
    return Fitting(graph, [SAMPLES], ranges, "auto", per_channel=True, per_channel_dense=True, progress=Silent())


def off_by(model, fitted):
    """How far the mean of each channel is from the float one, in steps of the output's range."""
    (ends,) = (ends for name, ends in fitted.ranges.items() if name in ("convolution", "norm"))
    int8 = np.asarray(quantize(fitted.placement, fitted.ranges)(SAMPLES))
    step = (ends.high.value - ends.low.value) / 255
    return np.abs((int8 - np.asarray(model(SAMPLES))).mean(axis=(0, 1, 2))) / step


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_channel_that_rounding_shifts_is_put_right(batch_norm):
    model = network(0.49, batch_norm=batch_norm)
    way = fitting(model)
    assert off_by(model, way.calibrated).max() > 10
    assert off_by(model, way.ptq()).max() < 0.5  # half a step is the most that rounding a bias can leave


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_network_that_is_not_shifted_is_left_as_it_was(batch_norm):
    model = network(1.0, batch_norm=batch_norm)
    way = fitting(model)
    assert off_by(model, way.ptq()).max() < MOST_SHIFTED
    assert way.ptq().placement.graph.layers["convolution"].config["use_bias"] is not batch_norm


@pytest.mark.slow
@pytest.mark.parametrize("way", ["calibrated", "searched", "alike"])
def test_rounding_for_the_outputs_goes_on_from_any_way_and_comes_nearer(way):
    """Pixels that are never negative go up and down together: what one weight's rounding does, others make up for."""
    model = network(1.0, batch_norm=True)
    kernel, *_ = model.get_layer("convolution").get_weights()
    model.get_layer("convolution").set_weights([np.random.default_rng(0).normal(size=kernel.shape)])
    wanted, found = np.asarray(model(SAMPLES)), fitting(model)
    begun = getattr(found, way)
    nearest, for_outputs = (
        np.square(np.asarray(quantize(one.placement, one.ranges)(SAMPLES)) - wanted).mean()
        for one in (begun, found.rounded(begun))
    )
    assert for_outputs < 0.9 * nearest


def test_what_is_trained_keeps_its_biases():
    way = fitting(network(0.49, batch_norm=False))
    before, after = (graph.layers["convolution"].weights[-1] for graph in (
        way.graph, way.ptq(trains=True).placement.graph))  # fmt: skip
    np.testing.assert_array_equal(before, after)
