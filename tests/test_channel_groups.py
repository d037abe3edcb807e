"""Which tensors are divided together, and which must stay because something that is not homogeneous reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.channel_groups import ChannelGroup, channel_groups

layers = keras.layers


def groups(between: Callable[[Any], Any]) -> tuple[ChannelGroup, ...]:
    """Of two convolutions with something between them."""
    image = keras.Input((8, 8, 3), name="image")
    x = between(layers.Conv2D(4, 3, padding="same", name="before")(image))
    return channel_groups(canonicalize(read(keras.Model(image, layers.Conv2D(2, 1, name="behind")(x)))))


@pytest.mark.parametrize(
    "between",
    [
        layers.ReLU(name="tie"),
        layers.LeakyReLU(0.1, name="tie"),
        layers.MaxPooling2D(name="tie"),
        layers.Dropout(0.2, name="tie"),
        layers.ZeroPadding2D(name="tie"),
    ],
)
def test_what_is_homogeneous_ties_what_it_reads_to_what_it_writes(between: Any) -> None:
    (group,) = groups(between)
    assert (group.channels, group.tensors) == (4, ("before", "tie"))
    assert (group.writers, group.readers) == (("before",), ("behind",))


@pytest.mark.parametrize(
    "between",
    [
        layers.ReLU(6.0),
        layers.Activation("tanh"),
        layers.UnitNormalization(),
        layers.Reshape((16, 4, 4)),
        layers.Permute((2, 1, 3)),
        lambda x: layers.Concatenate()([x, x]),
    ],
)
def test_what_is_not_holds_both(between: Any) -> None:
    assert groups(between) == ()


def test_a_sum_ties_all_that_it_reads() -> None:
    (group,) = groups(lambda x: layers.Add(name="sum")([x, layers.Conv2D(4, 1, name="branch")(x)]))
    assert set(group.tensors) == {"before", "branch", "sum"}
    assert group.writers == ("before", "branch")
    assert group.readers == ("branch", "behind")


def test_a_sum_with_one_channel_for_all_holds_both() -> None:
    """A division by channels would need one that the lone channel does not have."""
    assert groups(lambda x: layers.Add()([x, layers.Conv2D(1, 1, name="lone")(x)])) == ()


def test_an_input_an_output_and_a_layer_that_is_called_twice_are_held() -> None:
    assert groups(lambda x: layers.Add()([x, layers.Conv2D(4, 1)(x)]) * 1.0) == ()
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 1, name="only")(layers.ReLU()(image))
    assert channel_groups(canonicalize(read(keras.Model(image, x)))) == ()
    twice = layers.Conv2D(4, 1, name="twice")
    assert groups(lambda x: twice(twice(x))) == ()


def test_a_depthwise_convolution_takes_the_division_and_one_of_groups_or_several_multiples_does_not() -> None:
    found = groups(layers.DepthwiseConv2D(3, name="depthwise"))
    assert [(group.writers, group.readers) for group in found] == [
        (("before",), ("depthwise",)),
        (("depthwise",), ("behind",)),
    ]
    assert groups(layers.DepthwiseConv2D(3, depth_multiplier=2)) == ()
    assert groups(layers.Conv2D(4, 1, groups=2)) == ()
