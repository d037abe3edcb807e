"""A ReLU that leaves its clipping to its range: the same values and gradients, at rest a ReLU."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import tf, tf_keras, tfmot
from edgeswap.quantization.quantizers import LayerQuantizers, OutputQuantizer
from edgeswap.quantization.range_relu import RangeReLU, left_to_range
from edgeswap.quantization.ranges import End

ZERO = End(0.0, "fixed", 0.0)
X = np.random.default_rng(0).normal(2, 3, (64, 50)).astype(np.float32)  # none is 0 to the bit
UP = np.random.default_rng(1).normal(0, 1, X.shape).astype(np.float32)


def step(layer, output):
    """What a training step gives on X, its gradient, and where the range then ends; and what rest gives."""
    wrapped = tfmot.quantization.keras.QuantizeWrapperV2(layer, LayerQuantizers((), output), name_prefix="")
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = wrapped(x, training=True)
        loss = tf.reduce_sum(y * UP)
    return [y.numpy(), tape.gradient(loss, x).numpy(), *wrapped.get_weights(), wrapped(x, training=False).numpy()]


@pytest.mark.parametrize(
    ("most", "high"),
    [
        (6.0, End(6.0, "fixed", 6.0)),
        (6.0, End(4.0, "narrowed", 6.0)),
        (6.0, End(3.0, "searched", 6.0)),
        (None, End(5.0, "observed")),
        (None, End(5.0, "searched")),
    ],
)
def test_values_and_gradients_are_those_of_the_relu(most, high):
    relu = tf_keras.layers.ReLU(most, name="relu")
    left = left_to_range(relu, OutputQuantizer(ZERO, high))
    assert type(left) is RangeReLU
    assert left.name == "relu"
    for was, now in zip(step(relu, OutputQuantizer(ZERO, high)), step(left, OutputQuantizer(ZERO, high)), strict=True):
        np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize(
    ("layer", "low", "high"),
    [
        (tf_keras.layers.ReLU(6.0), ZERO, End(8.0, "observed")),  # the range goes beyond the ceiling
        (tf_keras.layers.ReLU(6.0), ZERO, End(8.0, "fixed", 8.0)),
        (tf_keras.layers.ReLU(6.0), ZERO, End(4.0, "learned", 6.0)),  # whose end learns from what is beyond it
        (tf_keras.layers.ReLU(), End(-1.0, "observed"), End(4.0, "observed")),  # so that negative values would pass
        (tf_keras.layers.ReLU(), End(0.0, "observed"), End(4.0, "observed")),  # likewise, once that end has moved
        (tf_keras.layers.ReLU(negative_slope=0.1), ZERO, End(4.0, "observed")),
        (tf_keras.layers.ReLU(threshold=1.0), ZERO, End(4.0, "observed")),
        (tf_keras.layers.ELU(), ZERO, End(4.0, "observed")),
    ],
)
def test_a_layer_that_the_range_does_not_clip_alike_stays(layer, low, high):
    assert left_to_range(layer, OutputQuantizer(low, high)) is layer


def test_a_relu_without_a_range_stays():
    layer = tf_keras.layers.ReLU()
    assert left_to_range(layer, None) is layer
