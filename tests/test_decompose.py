"""Each rewriting keeps the function; what it does to ranges is tested with them."""

import numpy as np
import pytest

from edgeswap.frameworks import tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read as read_graph
from edgeswap.quantization.decompose import decompose
from edgeswap.quantization.placement import place

LAYERS = tf_keras.layers
SHAPES = {"SeparableConv1D": (12, 3), "SeparableConv2D": (12, 9, 3)}


def model(kind, **settings):
    inputs = LAYERS.Input(SHAPES[kind], name="samples")
    x = getattr(LAYERS, kind)(6, 3, depth_multiplier=2, bias_initializer="random_normal", **settings)(inputs)
    x = LAYERS.Activation("relu6")(LAYERS.BatchNormalization()(x))
    return tf_keras.Model(inputs, LAYERS.Dense(4)(LAYERS.Flatten()(x)))


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("settings", [{}, {"padding": "same", "use_bias": False}, {"strides": 2}, {"dilation_rate": 2}])
def test_a_separable_convolution_is_two_of_the_same_function(kind, settings):
    given = model(kind, **settings)
    graph = decompose(canonicalize(read_graph(given)))
    dimensions = kind[-2:]
    classes = [graph.layer_of(node).class_name for node in graph.nodes]
    assert [name for name in classes if "Conv" in name] == [f"DepthwiseConv{dimensions}", f"Conv{dimensions}"]
    samples = np.random.default_rng(0).normal(size=(5, *SHAPES[kind])).astype(np.float32)
    # The same sums in the same order.
    np.testing.assert_allclose(build(graph)(samples), given(samples), atol=1e-6)
    assert place(canonicalize(read_graph(given)), input_ranges={"samples": (-4.0, 4.0)}).left_to_calibration == ()


def test_a_causal_one_is_left_to_calibration():
    placement = place(
        canonicalize(read_graph(model("SeparableConv1D", padding="causal"))), input_ranges={"samples": None}
    )
    assert any(name.startswith("separable_conv1d") for name in placement.left_to_calibration)


def normalized(name):
    return LAYERS.BatchNormalization(
        gamma_initializer="random_normal", moving_mean_initializer="random_normal", name=name
    )


READ_BY_OTHERS = {
    "by another layer": lambda dense, x: [normalized("norm")(dense(x)), LAYERS.Activation("relu")(dense.output)],
    "by the model's output": lambda dense, x: [normalized("norm")(dense(x)), dense.output],
    "by two normalizations": lambda dense, x: [normalized("norm")(dense(x)), normalized("norm2")(dense.output)],
    "in another call": lambda dense, x: [normalized("norm")(dense(x)), dense(LAYERS.Activation("relu")(x))],
}


@pytest.mark.parametrize("read", READ_BY_OTHERS)
def test_a_batch_norm_stays_out_of_a_dense_layer_that_others_read_too(read):
    x = LAYERS.Input((4,), name="samples")
    dense = LAYERS.Dense(4, bias_initializer="random_normal", name="dense")
    given = tf_keras.Model(x, READ_BY_OTHERS[read](dense, x))
    graph = decompose(canonicalize(read_graph(given)))
    samples = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    for got, expected in zip(build(graph)(samples), given(samples), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("settings", [{}, {"scale": False}, {"center": False}])
def test_a_batch_norm_behind_a_dense_layer_that_nothing_else_reads_goes_into_it(use_bias, settings):
    x = LAYERS.Input((4,), name="samples")
    norm = LAYERS.BatchNormalization(
        beta_initializer="random_normal", moving_mean_initializer="random_normal", epsilon=0.1, **settings
    )
    given = tf_keras.Model(x, norm(LAYERS.Dense(4, use_bias=use_bias, name="dense")(x)))
    graph = decompose(canonicalize(read_graph(given)))
    assert "BatchNormalization" not in {layer.class_name for layer in graph.layers.values()}
    samples = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(build(graph)(samples), given(samples), atol=1e-5)
