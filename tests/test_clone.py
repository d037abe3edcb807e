"""A copy of a model: with AutoGraph for a layer of the user's own, and without for all others."""

from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.clone import clone

X = np.array([[1.0, 2.0]], np.float32)


class Branching(tf_keras.layers.Layer):
    """Python's `if` on a tensor, which only AutoGraph can trace."""

    def call(self, inputs):
        if tf.reduce_sum(inputs) > 0:
            return inputs * 2
        return inputs


class Plain(tf_keras.layers.Layer):
    """As one of edgeswap's own."""

    seen: ClassVar[list[str]] = []  # whether AutoGraph was on

    def call(self, inputs):
        self.seen.append(tf.__internal__.autograph.control_status_ctx().status.name)
        return inputs


Plain.__module__ = "edgeswap.activations"


def model(*layers):
    x = y = tf_keras.Input((2,))
    for layer in layers:
        y = layer(y)
    return tf_keras.Model(x, y)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_layer_of_the_users_own_may_branch_on_a_tensor(wrapped):
    layers = tf_keras.layers
    inner = [layers.Reshape((1, 2)), layers.TimeDistributed(Branching())] if wrapped else [Branching()]
    given = model(layers.Dense(2), *inner)
    with tf_keras.saving.custom_object_scope({"Branching": Branching}):
        copy = clone(given)
    copy.set_weights(given.get_weights())
    np.testing.assert_array_equal(copy(X), given(X))


def test_without_one_there_is_nothing_for_autograph_to_do():
    given = model(tf_keras.layers.Dense(2), Plain())
    Plain.seen.clear()
    copy = clone(given)
    assert Plain.seen == ["DISABLED"]
    copy.set_weights(given.get_weights())
    np.testing.assert_array_equal(copy(X), given(X))
    mixed = model(Branching(), Plain())
    Plain.seen.clear()
    clone(mixed)
    assert Plain.seen != ["DISABLED"]
