"""Channels made alike: the function stays, and channels that were rescaled come back."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from dataclasses import replace

from edgeswap.frameworks import keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.channel_groups import channel_groups
from edgeswap.quantization.channel_sizes import channel_sizes
from edgeswap.quantization.equalization import equalize, step_to_alike
from edgeswap.quantization.folding import fold_batch_norms
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve

SAMPLES = np.random.default_rng(0).normal(size=(32, 8, 8, 3)).astype(np.float32)


def bottlenecks(seed):
    """A chain of residual linear bottlenecks, as in EfficientNet-Lite, with ReLU, LeakyReLU and ReLU6 inside."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    pixels = keras.Input((8, 8, 3), name="pixels")
    x = layers.ReLU(6.0)(layers.Conv2D(8, 3, padding="same", name="stem")(pixels))
    x = layers.BatchNormalization()(layers.Conv2D(6, 1, use_bias=False, name="project0")(x))
    for number, activation in enumerate((layers.ReLU(), layers.LeakyReLU(0.1), layers.ReLU(6.0)), start=1):
        y = activation(layers.Conv2D(12, 1, name=f"expand{number}")(x))
        y = layers.ReLU()(layers.DepthwiseConv2D(3, padding="same", name=f"depthwise{number}")(y))
        x = layers.Add()([x, layers.Conv2D(6, 1, name=f"project{number}")(y)])
    x = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(x))
    return keras.Model(pixels, layers.Dense(5, name="head")(layers.Dropout(0.1)(x)))


def given(seed):
    graph = fold_batch_norms(canonicalize(read(bottlenecks(seed))))
    return graph, build(graph)(SAMPLES).numpy()


def sizes_of(graph):
    return channel_sizes(graph, [name for group in channel_groups(graph) for name in group.tensors], [SAMPLES])


def rescaled(graph, seed):
    """The same function with the channels of each linear bottleneck multiplied by exp(N(0, 1))."""
    (chain,) = (group for group in channel_groups(graph) if "project0" in group.writers)
    factor = np.exp(np.random.default_rng(seed).normal(size=chain.channels)).astype(np.float32)
    layers = dict(graph.layers)
    for name in chain.writers:
        kernel, bias = layers[name].weights
        layers[name] = replace(layers[name], weights=(kernel * factor, bias * factor))
    for name in chain.readers:
        kernel, bias = layers[name].weights
        layers[name] = replace(layers[name], weights=(kernel / factor[:, None], bias))
    return graph.with_layers(layers)


def test_a_residual_chain_is_one_group_and_a_relu6_holds_its_own():
    graph, _ = given(0)
    groups = {frozenset(group.writers): frozenset(group.readers) for group in channel_groups(graph)}
    assert groups == {
        frozenset({f"project{number}" for number in range(4)}): frozenset({"expand1", "expand2", "expand3", "head"}),
        frozenset({"expand1"}): frozenset({"depthwise1"}),
        frozenset({"depthwise1"}): frozenset({"project1"}),
        frozenset({"expand2"}): frozenset({"depthwise2"}),
        frozenset({"depthwise2"}): frozenset({"project2"}),
        frozenset({"depthwise3"}): frozenset({"project3"}),
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("per_channel", [True, False])
def test_the_function_stays(seed, per_channel):
    graph, wanted = given(seed)
    equalized = equalize(rescaled(graph, seed), sizes_of(rescaled(graph, seed)), per_channel=per_channel)
    # float32's rounding, over some fifteen layers whose channels were multiplied and divided
    np.testing.assert_allclose(build(equalized)(SAMPLES).numpy(), wanted, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("reader", "per_channel", "share"),
    [
        (keras.layers.Conv2D(2, 1, name="reader"), True, 1 / 2),  # its kernel and the tensor
        (keras.layers.DepthwiseConv2D(1, name="reader"), True, 0.0),  # each channel has a scale of its own
        (keras.layers.DepthwiseConv2D(1, name="reader"), False, 1 / 3),  # and the kernel of the writer
    ],
)
def test_a_channel_is_divided_by_what_the_kernels_of_one_scale_want(reader, per_channel, share):
    pixels = keras.Input((8, 8, 3))
    graph = canonicalize(read(keras.Model(pixels, reader(keras.layers.Conv2D(4, 1, name="writer")(pixels)))))
    kernels = {name: np.ones_like(graph.layers[name].weights[0]) for name in ("writer", "reader")}
    kernels["reader"] *= np.float32([1, 2, 4, 8])[:, None]
    layers = {name: replace(graph.layers[name], weights=(kernel,)) for name, kernel in kernels.items()}
    (group,) = channel_groups(graph)
    step = step_to_alike(layers, group, {"writer": np.ones(4)}, per_channel=per_channel)
    np.testing.assert_allclose(step, share * np.log(2) * np.array([1.5, 0.5, -0.5, -1.5]), atol=1e-6)


def noise(graph, wanted, **scales):
    placement = place(graph, input_ranges={"pixels": None}, **scales)
    model = quantize(placement, resolve(placement, calibrate(placement, [SAMPLES]), trains=False))
    return np.sqrt(np.square(model(SAMPLES).numpy() - wanted).mean() / np.square(wanted).mean())


@pytest.mark.slow
def test_rescaled_channels_come_back():
    graph, wanted = given(1)
    spoilt = rescaled(graph, 1)
    assert noise(spoilt, wanted) > 2 * noise(graph, wanted)
    assert noise(equalize(spoilt, sizes_of(spoilt)), wanted) < 1.2 * noise(graph, wanted)


@pytest.mark.slow
def test_weights_of_one_scale_gain():
    graph, wanted = given(2)
    spoilt, one_scale = rescaled(graph, 2), {"per_channel": False, "per_channel_dense": False}
    assert noise(equalize(spoilt, sizes_of(spoilt), **one_scale), wanted, **one_scale) < 0.7 * noise(
        spoilt, wanted, **one_scale
    )
