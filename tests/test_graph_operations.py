"""Bare operations and layer settings, one after the other: read, built in tf_keras and decomposed, the same function.

Each case once stood for a fault of reading: an argument by position instead of by keyword, an axis, a rank, a default.
"""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.compatibility.predicted_operators import lower
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.graph.same_function import verify
from edgeswap.quantization.decompose import decompose

K = keras.ops
IMAGE, SEQUENCE = (6, 6, 4), (7, 5)

TENSORFLOW = {
    "silu by keyword": lambda x: tf.nn.silu(x, beta=2.0),
    "silu by position": lambda x: tf.nn.silu(x, 2.0),
    "softmax by position": lambda x: tf.nn.softmax(x, 1),
    "softmax by keyword": lambda x: tf.nn.softmax(logits=x, axis=1),
    "relu by keyword": lambda x: tf.nn.relu(features=x, name="mine"),
    "keras elu": lambda x: tf_keras.activations.elu(x, 0.3),
    "keras relu": lambda x: tf_keras.activations.relu(x, 0.1, 2.0, 0.3),
    "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.4),
    "gelu": lambda x: tf.nn.gelu(x, True),
    "mean by position": lambda x: tf.reduce_mean(x, [1, 2], True),
    "mean by keyword": lambda x: tf.reduce_mean(input_tensor=x, axis=(-2, -3)),
    "mean of other axes": lambda x: tf.reduce_mean(x, [2, 3]),
    "mean of rank 5": lambda x: tf.reduce_mean(tf.expand_dims(x, 1), [1, 2]),
    "mean of rank 3": lambda x: tf.reduce_mean(tf.reshape(x, (-1, 36, 4)), [1, 2]),
    "subtract by keyword": lambda x: tf.subtract(y=x, x=3.0),
    "number first": lambda x: 3.0 - x,
    "divided number": lambda x: 1.0 / (tf.abs(x) + 1.0),
    "add of two ranks": lambda x: x + tf.reshape(tf.reduce_mean(x, [0, 3]), (6, 6, 1)),
    "multiply by an array": lambda x: x * np.float32([1, 2, 3, 4]),
    "concat by position": lambda x: tf.concat([x, x], 2),
    "concat from behind": lambda x: tf.concat(axis=-3, values=[x, x]),
    "stack": lambda x: tf.stack([x, x], 1),
    "slice": lambda x: x[:, ::-1, ..., :2],
    "transpose": lambda x: tf.transpose(x, [0, 3, 1, 2]),
    "almost hard-swish": lambda x: x * tf.nn.relu6(x + 3) / 5,
    "swish of another slope": lambda x: x * tf.sigmoid(1.702 * x),
}
KERAS = {
    "softmax by position": lambda x: K.softmax(x, 1),
    "softmax by keyword": lambda x: K.softmax(x, axis=2),
    "elu": lambda x: K.elu(x, 0.3),
    "mean": lambda x: K.mean(x, (1, 2)),
    "mean from behind": lambda x: K.mean(x, axis=(-3, -2), keepdims=True),
    "mean of other axes": lambda x: K.mean(x, (2, 3)),
    "mean of rank 3": lambda x: K.mean(K.reshape(x, (-1, 36, 4)), (1, 2)),
    "subtract by keyword": lambda x: K.subtract(x1=3.0, x2=x),
    "concat": lambda x: K.concatenate([x, x], 1),
    "relu with a ceiling": lambda x: keras.activations.relu(x, 0.1, 2.0, 0.3),
    "leaky_relu": lambda x: K.leaky_relu(x, 0.4),
    "gelu": lambda x: K.gelu(x, False),
    "normalization behind a reshape": lambda x: keras.layers.BatchNormalization()(K.reshape(x, (-1, 36, 4))),
    "normalization behind a mean": lambda x: keras.layers.BatchNormalization()(K.mean(x, 1)),
    "normalization of rank 5": lambda x: keras.layers.BatchNormalization()(K.expand_dims(x, 1)),
}
LAYERS = {
    "dense, normalized over rows": lambda k: lambda x: k.BatchNormalization(axis=1)(k.Dense(6)(x)),
    "dense, normalized over columns": lambda k: lambda x: k.BatchNormalization(axis=2)(k.Dense(6)(x)),
    "dense, normalized over units": lambda k: lambda x: k.BatchNormalization(axis=3)(k.Dense(6)(x)),
    "convolution, normalized over rows": lambda k: lambda x: k.BatchNormalization(axis=1)(k.Conv2D(6, 1)(x)),
    "normalization alone over columns": lambda k: k.BatchNormalization(axis=2),
    "separable, normalized": lambda k: lambda x: k.BatchNormalization()(k.SeparableConv2D(5, 3, use_bias=False)(x)),
    "a layer as activation": lambda k: k.Conv2D(3, 3, activation=k.LeakyReLU(0.1)),
    "a layer that learns as activation": lambda k: k.Dense(3, activation=k.PReLU("ones", shared_axes=[1, 2])),
    "a normalization as activation": lambda k: k.Dense(3, activation=k.BatchNormalization()),
    "an axis in a layer as activation": lambda k: k.Dense(3, activation=k.Softmax(axis=1)),
    "an activation of an activation layer": lambda k: k.Activation(k.ELU(0.5)),
    "a ceiling of nothing": lambda k: lambda x: k.Add()([x, k.ReLU(max_value=0.0)(x)]),
    "dropouts": lambda k: lambda x: k.SpatialDropout2D(0.5)(k.GaussianNoise(0.4)(k.Dropout(0.5)(x))),
    "called for training": lambda k: lambda x: k.BatchNormalization()(x, training=False),
    "softmax over two axes": lambda k: k.Softmax(axis=[1, 2]),
    "flat channels": lambda k: k.Flatten(data_format="channels_first"),
}
SEQUENCES = {
    "dense, normalized over steps": lambda k: lambda x: k.BatchNormalization(axis=1)(k.Dense(7)(x)),
    "dense, normalized from behind": lambda k: lambda x: k.BatchNormalization(axis=-2)(k.Dense(7)(x)),
    "slopes for each place": lambda k: k.PReLU("random_normal"),
    "cells": lambda k: k.RNN([k.LSTMCell(3), k.GRUCell(2)]),
    "both ways": lambda k: k.Bidirectional(k.GRU(3, return_sequences=True), merge_mode="sum"),
}
CASES = [
    *(pytest.param(tf_keras, IMAGE, f, id=f"tf {name}") for name, f in TENSORFLOW.items()),
    *(pytest.param(keras, IMAGE, f, id=f"keras {name}") for name, f in KERAS.items()),
    *(
        pytest.param(k, shape, make(k.layers), id=f"{k.__name__} {name}")
        for k in (keras, tf_keras)
        for shape, cases in ((IMAGE, LAYERS), (SEQUENCE, SEQUENCES))
        for name, make in cases.items()
    ),
]


def model_of(framework, shape, function):
    inputs = framework.Input(shape, name="samples")
    model = framework.Model(inputs, function(inputs))
    random = np.random.default_rng(0)
    for layer in model.layers:
        weights = layer.get_weights()
        if isinstance(layer, framework.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.3, 2, array.shape) for array in weights])
    return model


@pytest.mark.parametrize(("framework", "shape", "function"), CASES)
def test_what_is_read_and_decomposed_is_the_model(framework, shape, function):
    model = model_of(framework, shape, function)
    samples = [3 * np.random.default_rng(1).normal(size=(4, *shape)).astype(np.float32)]
    graph = canonicalize(read(model))
    verify(model, build(graph), graph, samples)
    parts = decompose(graph)
    verify(model, build(parts), parts, samples, done="decomposed")


@pytest.mark.parametrize("framework", [keras, tf_keras])
def test_a_layer_as_activation_is_a_node_of_its_own(framework):
    layers = framework.layers
    graph = canonicalize(
        read(model_of(framework, IMAGE, layers.Dense(3, activation=layers.LeakyReLU(0.125), name="hidden")))
    )
    assert str(graph.layers["hidden_activation"].activation) == "leaky_relu(negative_slope=0.125)"
    assert len(graph.layers["hidden"].weights) == 2
    assert all(found is not None for found in lower(graph).values())


def test_symbols_of_other_modules_are_not_taken_for_the_plain_operation():
    from edgeswap.graph.operations import operation_name

    for symbol in ("math.add", "compat.v1.math.add", "__operators__.add", "add", "Add"):
        assert operation_name(symbol) == "add"
    for symbol in ("sparse.add", "strings.split", "image.resize", "keras.activations.softmax", "ragged.stack"):
        assert operation_name(symbol) == symbol


def test_argmax_is_what_the_converter_makes_of_it():
    """TensorFlow's becomes ARG_MAX; Keras 3's tells -0 from 0 by BitwiseAnd, which TFLite does not have."""
    found = lower(canonicalize(read(model_of(tf_keras, IMAGE, lambda x: tf.math.argmax(x, -1)))))
    assert [lowered.operators for lowered in found.values() if lowered.operators] == [("ARG_MAX",)]
    found = lower(canonicalize(read(model_of(keras, IMAGE, lambda x: K.argmax(x, -1)))))
    assert [lowered.refused for lowered in found.values() if lowered.refused] == ["BitwiseAnd"]
