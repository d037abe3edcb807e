"""How many samples run at once: many of a small network, few where its tensors are large, with the same outputs."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.evaluation.predictions import BATCH_SIZE, LEAST_AT_ONCE, asked
from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.batch import BATCH_BYTES, batches, samples_at_once

RANDOM = np.random.default_rng(0)


def network(size, *, branching=False):
    """Two inputs, two outputs; its largest tensor has size * size * 64 bytes a sample."""
    layers = tf_keras.layers
    image, scalar = tf_keras.Input((size, size, 1), name="image"), tf_keras.Input((1,), name="scalar")
    wide = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    pooled = layers.GlobalAveragePooling2D()(wide)
    pooled = Branching()(pooled) if branching else pooled
    return tf_keras.Model([image, scalar], [layers.Dense(3)(pooled), layers.Concatenate()([pooled, scalar])])


class Branching(tf_keras.layers.Layer):
    """Python's `if` on a tensor, which only AutoGraph can trace."""

    def call(self, inputs):
        if tf.reduce_sum(inputs) < 0:
            return inputs
        return -inputs


def test_the_largest_tensor_decides():
    assert samples_at_once(network(8), 50) == 50
    assert samples_at_once(network(256), 50) == BATCH_BYTES // (256 * 256 * 64) == 4
    assert samples_at_once(network(1024), 50) == 1


def test_every_batch_has_one_size():
    arrays = [np.arange(7), np.arange(14).reshape(7, 2)]
    assert [(count, one.tolist()) for count, (one, _) in batches(arrays, 3)] == [
        (3, [0, 1, 2]), (3, [3, 4, 5]), (1, [6, 6, 6]),
    ]  # fmt: skip
    assert [(count, two.tolist()) for count, (_, two) in batches(arrays, 50)] == [(7, arrays[1].tolist())]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "branching"), [(8, False), (256, False), (256, True)])
def test_a_model_gives_what_it_gives_one_by_one(size, branching):
    model = network(size, branching=branching)
    few = samples_at_once(model, BATCH_SIZE) < LEAST_AT_ONCE
    assert few == (size == 256)
    inputs = [RANDOM.random((9, size, size, 1), np.float32), RANDOM.random((9, 1), np.float32)]
    ask = asked(model)
    for rows in (slice(0, 9), slice(0, 2)):
        got = ask([array[rows] for array in inputs])
        for index, wanted in enumerate(got):
            each = [model([a[i : i + 1] for a in inputs], training=False)[index] for i in range(*rows.indices(9))]
            assert wanted.dtype == np.float32
            np.testing.assert_allclose(wanted, np.concatenate(each), rtol=0, atol=1e-6)  # rounding of sums below 1
