"""Channels that only batch normalizations read: as large as those beside them, and the network gives what it gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.quantization.channel_sizes import channel_sizes
from edgeswap.quantization.level_normalized_channels import level_normalized_channels

layers = keras.layers
SAMPLES = [np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype(np.float32)]
UNEQUAL = np.exp(np.linspace(-4, 2, 6))


def normalized(x: Any, name: str, **options: Any) -> Any:
    return layers.BatchNormalization(name=name, **options)(x)


def conv(x: Any, name: str, channels: int = 6, **options: Any) -> Any:
    return layers.Conv2D(channels, 3, padding="same", name=name, **options)(x)


def canonical(between: Callable[[Any], Any]) -> Graph:
    """A stem, something behind it and a last convolution, of random weights; six channels are of unequal size."""
    image = keras.Input((8, 8, 3), name="image")
    model = keras.Model(image, conv(between(conv(image, "stem")), "last", 2))
    generator = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 2.0, w.shape) for w in layer.get_weights()])
        elif layer.get_weights():
            sizes = UNEQUAL if layer.get_weights()[0].shape[-1] == UNEQUAL.size else 1.0
            layer.set_weights([generator.normal(size=w.shape) * sizes for w in layer.get_weights()])
    return canonicalize(read(model))


def outputs(graph: Graph) -> Any:
    return build(graph, tf_keras)(SAMPLES[0], training=False).numpy()


def spread(graph: Graph, name: str) -> float:
    sizes = channel_sizes(graph, [name], SAMPLES)[name]
    return float(sizes.max() / sizes.min())


def densely(x: Any) -> Any:
    for number in range(3):
        y = layers.ReLU(name=f"relu{number}")(normalized(x, f"bn{number}"))
        x = layers.Concatenate(name=f"concat{number}")([x, conv(y, f"conv{number}", 4)])
    return layers.ReLU()(normalized(x, "bn_last"))


def residually(x: Any) -> Any:
    for number in range(2):
        y = layers.ReLU()(normalized(x, f"bn{number}"))
        x = layers.Add(name=f"sum{number}")([x, conv(y, f"conv{number}")])
    x = layers.MaxPooling2D(2, name="pool")(x)
    return layers.ReLU()(normalized(x, "bn_last"))


@pytest.mark.parametrize(("between", "tensor"), [(densely, "concat2"), (residually, "sum1"), (residually, "pool")])
def test_they_become_as_large_as_the_largest_beside_them(between: Callable[[Any], Any], tensor: str) -> None:
    before = canonical(between)
    after = level_normalized_channels(before, SAMPLES)
    # A channel has one factor for all tensors that it is in, by where it is largest: in another it may be smaller.
    assert spread(before, tensor) > 10 * spread(after, tensor)
    assert spread(after, tensor) < 3
    wanted = outputs(before)
    # Some ten layers, each of which rounds its sums to float32's 24 bits.
    np.testing.assert_allclose(outputs(after), wanted, atol=1e-5 * np.abs(wanted).max())


def test_epsilon_keeps_its_part_of_the_divisor() -> None:
    # A variance of a hundredth of epsilon: without it the channel would come out ten times as large.
    graph = canonical(lambda x: normalized(layers.ReLU()(x), "bn", epsilon=10.0))
    after = level_normalized_channels(graph, SAMPLES)
    assert after is not graph
    wanted = outputs(graph)
    np.testing.assert_allclose(outputs(after), wanted, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(
    "between",
    [
        lambda x: normalized(x, "folds_into_the_stem"),
        lambda x: layers.Add()([normalized(layers.ReLU()(x), "bn"), x]),  # the sum leads to a convolution
        lambda x: normalized(layers.ReLU(6.0)(x), "bn"),
        lambda x: normalized(layers.Activation("sigmoid")(x), "bn"),
        lambda x: normalized(layers.ReLU()(x), "bn", scale=False),
        lambda x: normalized(layers.ReLU()(x), "bn", axis=1),
        lambda x: layers.Concatenate()([normalized(layers.ReLU()(x), "bn"), x]),
        lambda x: normalized(layers.ReLU()(layers.DepthwiseConv2D(3, data_format="channels_first")(x)), "bn"),
    ],
    ids=["folded", "read by a sum", "relu6", "sigmoid", "no gamma", "other axis", "read by a concat", "channels first"],
)
def test_what_anything_else_touches_stays(between: Callable[[Any], Any]) -> None:
    graph = canonical(between)
    assert level_normalized_channels(graph, SAMPLES) is graph


def test_the_others_of_a_concat_are_leveled_to_those_that_are_held() -> None:
    def between(x: Any) -> Any:
        held = layers.Activation("sigmoid", name="held")(conv(x, "to_sigmoid", 2))
        return layers.ReLU()(normalized(layers.Concatenate(name="both")([held, normalized(x, "small")]), "bn"))

    before = canonical(between)
    after = level_normalized_channels(before, SAMPLES)
    sizes = channel_sizes(after, ["both"], SAMPLES)["both"]
    assert sizes[:2].max() <= 1.0
    assert np.ptp(sizes[2:]) < 1e-3 * sizes.max()
    wanted = outputs(before)
    np.testing.assert_allclose(outputs(after), wanted, atol=1e-5 * np.abs(wanted).max())


def test_a_network_without_such_channels_is_given_back() -> None:
    graph = canonical(lambda x: layers.ReLU()(conv(layers.ReLU()(x), "middle")))
    assert level_normalized_channels(graph, SAMPLES) is graph
