"""A concat of inputs of very different size is parted, and the function stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.progress import Silent
from edgeswap.quantization.fitted import Fitting
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.unequal_concat import part_unequal_concats

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(-1, 1, (32, 6, 6, 3)).astype(np.float32)
layers = keras.layers


def branches(*sizes):
    """A convolution for each size, with outputs of about that size, joined."""
    image = keras.Input((6, 6, 3), name="image")
    found = [layers.Conv2D(2, 1, activation="relu", name=f"branch{number}")(image) for number, _ in enumerate(sizes, 1)]
    return image, layers.Concatenate(name="join")(found)


def network(sizes, head):
    keras.utils.set_random_seed(1)
    image, joined = branches(*sizes)
    model = keras.Model(image, head(joined))
    for number, size in enumerate(sizes, 1):
        layer = model.get_layer(f"branch{number}")
        kernel = np.abs(layer.get_weights()[0])
        layer.set_weights([size * kernel, size * np.ones(2)])
    return model


def wide_head(joined):
    x = layers.Conv2D(4, 3, padding="same", name="mix", use_bias=False)(joined)
    x = layers.BatchNormalization(name="norm")(x)
    return layers.Dense(3, name="head")(layers.ReLU(name="relu")(x))


def graph_of(model):
    return canonicalize(read(model))


@pytest.mark.slow
def test_each_reader_becomes_a_sum_of_parts_with_the_same_function():
    graph = graph_of(network((100.0, 1.0, 80.0), wide_head))
    parted = part_unequal_concats(graph, [IMAGES])
    names = [node.name for node in parted.nodes]
    assert "join" not in names
    assert parted.layer_of("join_part1").class_name == "Concatenate"  # the two large ones stay together
    assert [ref.node for ref in parted.node("mix").refs()] == ["mix_part1", "mix_part2"]
    assert [ref.node for ref in parted.node("join_part1").refs()] == ["branch1_activation", "branch3_activation"]
    assert parted.layer_of("norm").activation.kind == "linear"  # folded, or it would be an operator of its own
    assert parted.shape(parted.outputs[0]) == graph.shape(graph.outputs[0])
    before, after = (build(one)(IMAGES).numpy() for one in (graph, parted))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4 * np.abs(before).max())


def test_a_dense_layer_and_inputs_of_the_model():
    small, large = keras.Input((4,), name="small"), keras.Input((3,), name="large")
    model = keras.Model([small, large], layers.Dense(5, name="head")(layers.Concatenate(name="join")([small, large])))
    samples = [RANDOM.normal(size=(20, 4)).astype(np.float32), 50 * RANDOM.normal(size=(20, 3)).astype(np.float32)]
    graph = graph_of(model)
    parted = part_unequal_concats(graph, samples)
    assert [parted.layer_of(name).config["use_bias"] for name in ("head_part1", "head_part2")] == [False, True]
    np.testing.assert_allclose(build(parted)(samples).numpy(), build(graph)(samples).numpy(), rtol=1e-4, atol=1e-4)


def twice(joined):
    head = layers.Dense(4, name="head")
    return head(head(joined))


@pytest.mark.parametrize(
    ("sizes", "head"),
    [
        ((1.0, 5.0), wide_head),  # about one size
        ((1.0, 100.0), layers.ReLU(name="head")),  # no sum over channels
        ((1.0, 100.0), layers.DepthwiseConv2D(3, name="head")),
        ((1.0, 100.0), lambda joined: [joined, layers.Dense(3, name="head")(joined)]),  # leaves the model
        ((1.0, 100.0), twice),
    ],
)
def test_what_stays_as_it_is(sizes, head):
    graph = graph_of(network(sizes, head))
    assert part_unequal_concats(graph, [IMAGES]) is graph


def test_one_of_several_outputs_of_a_layer_stays_in_its_concat():
    series, large = keras.Input((2, 3), name="series"), keras.Input((3,), name="large")
    state = layers.SimpleRNN(2, return_state=True, name="series_state")(series)[1]
    model = keras.Model([series, large], layers.Dense(5, name="head")(layers.Concatenate(name="join")([state, large])))
    graph = graph_of(model)
    samples = [IMAGES[:, :2, 0], 50 * IMAGES[:, 0, 0]]
    assert part_unequal_concats(graph, samples) is graph


def test_a_concat_of_unknown_shape_stays():
    graph = graph_of(network((1.0, 100.0), layers.Dense(3, name="head")))
    unknown = replace(graph, nodes=tuple(replace(node, shapes=()) for node in graph.nodes))
    assert part_unequal_concats(graph, [IMAGES]) is not graph
    assert part_unequal_concats(unknown, [IMAGES]) is unknown


@pytest.mark.slow
def test_small_inputs_keep_their_steps_in_int8():
    """The small input counts as much as the large one; one scale leaves it 2 of 255 steps."""

    def head(joined):
        return layers.Dense(3, name="head")(joined)

    model = network((1.0, 100.0), head)
    kernel, bias = model.get_layer("head").get_weights()
    kernel[2:] /= 100.0
    model.get_layer("head").set_weights([kernel, bias])
    graph = graph_of(model)
    wanted = build(graph)(IMAGES).numpy()

    def error(of):
        fitting = Fitting(
            of, [IMAGES], {"image": (-1.0, 1.0)}, "auto", per_channel=True, per_channel_dense=True, progress=Silent()
        )
        fitted = fitting.ptq()
        return float(np.mean((quantize(fitted.placement, fitted.ranges)(IMAGES).numpy() - wanted) ** 2))

    # 20 dB at least: where the small input had 2 steps it has 255.
    assert error(part_unequal_concats(graph, [IMAGES])) < error(graph) / 100
