"""Separable convolutions as the two that they are; the other rewritings are tested where their ranges are."""

import numpy as np
import pytest

from edgeswap.frameworks import tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
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
    graph = decompose(canonicalize(read(given)))
    dimensions = kind[-2:]
    classes = [graph.layer_of(node).class_name for node in graph.nodes]
    assert [name for name in classes if "Conv" in name] == [f"DepthwiseConv{dimensions}", f"Conv{dimensions}"]
    samples = np.random.default_rng(0).normal(size=(5, *SHAPES[kind])).astype(np.float32)
    # The same sums in the same order.
    np.testing.assert_allclose(build(graph)(samples), given(samples), atol=1e-6)
    assert place(canonicalize(read(given)), input_ranges={"samples": (-4.0, 4.0)}).left_to_calibration == ()


def test_a_causal_one_is_left_to_calibration():
    placement = place(canonicalize(read(model("SeparableConv1D", padding="causal"))), input_ranges={"samples": None})
    assert any(name.startswith("separable_conv1d") for name in placement.left_to_calibration)
