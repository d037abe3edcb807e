"""Padding layers before convolutions: folded where `padding="same"` is the same function, and left everywhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.fold_padding import fold_padding
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read

LAYERS = {"Conv2D": {"filters": 3}, "DepthwiseConv2D": {}, "SeparableConv2D": {"filters": 3}}


def paddings(graph: Graph) -> int:
    return sum(layer.class_name.startswith("ZeroPadding") for layer in graph.layers.values())


def outputs(graph: Graph) -> list[np.ndarray]:
    """What the network gives for images without a zero, so that a border in the wrong place shows."""
    model = build(graph, tf_keras)
    images = [
        np.random.default_rng(0).uniform(1, 2, (2, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs
    ]
    given = model(images)
    return [np.asarray(one) for one in (given if isinstance(given, list) else [given])]


def assert_same_function(graph: Graph, folded: Graph) -> None:
    for one, other in zip(outputs(graph), outputs(folded), strict=True):
        # Sums of at most 75 products of numbers below 2 in another order.
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@st.composite
def padded(draw: st.DrawFn) -> tuple[str, dict[str, Any], list[tuple[int, int]], list[tuple[int, int]]]:
    """A convolution's class, its settings, zeros before it, and those of `padding="same"`, which every second has."""
    name = draw(st.sampled_from(sorted(LAYERS)))
    size = draw(st.tuples(st.integers(6, 11), st.integers(6, 11)))
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride, dilation = draw(st.sampled_from([(1, 1), (2, 1), (1, 2)]))
    same = [same_zeros(length, reach, stride, dilation) for length, reach in zip(size, kernel, strict=True)]
    ends = same if draw(st.booleans()) else [draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in size]
    reaches = [(reach - 1) * dilation + 1 for reach in kernel]
    assume(all(length + sum(end) >= reach for length, end, reach in zip(size, ends, reaches, strict=True)))
    settings_of = {"kernel_size": kernel, "strides": stride, "dilation_rate": dilation, **LAYERS[name]}
    return name, {"size": size, **settings_of}, ends, same


@settings(max_examples=40)
@given(padded())
def test_the_function_stays_and_what_same_padding_does_is_folded(case: Any) -> None:
    name, settings_of, ends, same = case
    image = keras.Input((*settings_of.pop("size"), 2))
    x = keras.layers.ZeroPadding2D(ends, name="pad")(image)
    graph = canonicalize(read(keras.Model(image, getattr(keras.layers, name)(**settings_of)(x))))
    folded = fold_padding(graph)
    assert paddings(folded) == (0 if ends == same else 1)
    assert_same_function(graph, folded)


def same_zeros(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """As TensorFlow has it: window w begins at w * stride - before; a kernel that sees its first place alone tells."""
    reach = (kernel - 1) * dilation + 1
    numbers = tf.reshape(tf.range(1.0, size + 1), (1, size, 1))
    first = tf.reshape(tf.one_hot(0, reach), (reach, 1, 1))
    seen = tf.nn.conv1d(numbers, first, stride, "SAME")[0, :, 0].numpy()
    window, number = next((window, int(number)) for window, number in enumerate(seen) if number)
    before = window * stride - (number - 1)
    return before, max((len(seen) - 1) * stride - before + reach - size, 0)


def image_and_padding(rank: int = 2) -> tuple[Any, Any]:
    image = keras.Input((8,) * rank + (2,))
    return image, getattr(keras.layers, f"ZeroPadding{rank}D")(((0, 1),) * rank if rank > 1 else (0, 1))(image)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_sequences_images_and_volumes(rank: int) -> None:
    image, x = image_and_padding(rank)
    graph = canonicalize(read(keras.Model(image, getattr(keras.layers, f"Conv{rank}D")(2, 3, strides=2)(x))))
    folded = fold_padding(graph)
    assert paddings(folded) == 0
    assert_same_function(graph, folded)


def test_a_padding_that_others_read_stays_for_them() -> None:
    image, x = image_and_padding()
    outs = [keras.layers.Conv2D(2, 3, strides=2)(x), keras.layers.MaxPooling2D()(x)]
    graph = canonicalize(read(keras.Model(image, outs)))
    folded = fold_padding(graph)
    assert paddings(folded) == 1
    (padding,) = (node for node in folded.nodes if "padding" in node.name)
    assert [folded.layer_of(reader).class_name for reader in folded.consumers()[padding.name]] == ["MaxPooling2D"]
    assert_same_function(graph, folded)


def test_a_padding_that_is_an_output_stays() -> None:
    image, x = image_and_padding()
    graph = canonicalize(read(keras.Model(image, [keras.layers.Conv2D(2, 3, strides=2)(x), x])))
    folded = fold_padding(graph)
    assert paddings(folded) == 1
    assert_same_function(graph, folded)


@pytest.mark.parametrize(
    ("name", "settings_of"),
    [
        ("Conv2D", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}),
        ("Conv2D", {"filters": 2, "kernel_size": 4, "strides": 2}),
        ("MaxPooling2D", {"pool_size": 3, "strides": 2}),
    ],
)
def test_what_same_padding_does_not_do_stays(name: str, settings_of: dict[str, Any]) -> None:
    image, x = image_and_padding()
    graph = canonicalize(read(keras.Model(image, getattr(keras.layers, name)(**settings_of)(x))))
    assert paddings(fold_padding(graph)) == 1


def test_a_convolution_of_two_images_and_one_of_free_size_stay() -> None:
    small, large = keras.Input((8, 8, 2)), keras.Input((9, 9, 2))
    pad, conv = keras.layers.ZeroPadding2D(((0, 1), (0, 1))), keras.layers.Conv2D(2, 3, strides=2)
    both = canonicalize(read(keras.Model([small, large], [conv(pad(small)), conv(pad(large))])))
    assert paddings(fold_padding(both)) == 1
    assert_same_function(both, fold_padding(both))
    free = keras.Input((None, None, 2))
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(free)
    graph = canonicalize(read(keras.Model(free, keras.layers.Conv2D(2, 3, strides=2)(x))))
    assert paddings(fold_padding(graph)) == 1
