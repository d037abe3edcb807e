"""Small models of every shape that people bring, in either framework; weights are random, not trained."""

import numpy as np

from edgeswap.frameworks import keras, tf


def sequential(k):
    k.utils.set_random_seed(0)
    return k.Sequential(
        [
            k.Input((8, 8, 3)),
            k.layers.Conv2D(4, 3, activation="relu", name="conv"),
            k.layers.Flatten(),
            k.layers.Dense(8, activation="swish", name="hidden"),
            k.layers.Dense(3, activation="softmax", name="head"),
        ]
    )


def branching(k):
    """Two inputs, a layer called thrice, a nested model called twice, a concat, two outputs."""
    k.utils.set_random_seed(0)
    image, extra = k.Input((8, 8, 3), name="image"), k.Input((4,), name="extra")
    x = k.layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2", name="conv")(image)
    x = k.layers.ReLU(max_value=6.0, name="ceiling")(k.layers.BatchNormalization(name="norm")(x))
    shared = k.layers.Conv2D(4, 1, activation="elu", name="shared")
    x = k.layers.Add(name="add")([shared(x), shared(shared(x))])
    base = k.Sequential(
        [k.Input((8, 8, 4)), k.layers.Conv2D(4, 3, padding="same", name="base_conv"), k.layers.LeakyReLU(name="leaky")],
        name="base",
    )
    y = k.layers.GlobalAveragePooling2D(name="pool")(k.layers.Concatenate(name="join")([x, base(base(x))]))
    y = k.layers.Dense(3, name="logits")(k.layers.Concatenate(name="join_extra")([y, extra]))
    return k.Model([image, extra], [y, k.layers.Dense(2, activation="tanh", name="side")(y)])


def nested(k, depth):
    """A model in a model in a model, each with a layer called `dense`."""
    k.utils.set_random_seed(0)

    def level(number):
        x = k.Input((6,))
        y = k.layers.Dense(6, activation="swish", name="dense")(x)
        return k.Model(x, y if number == depth else level(number + 1)(y), name=f"level{number}")

    return level(0)


def frozen_base(k):
    """The usual transfer model: a frozen base with batch normalization, called with training=False, and a head."""
    k.utils.set_random_seed(0)
    x = k.Input((8, 8, 3))
    y = k.layers.Conv2D(4, 3, name="base_conv")(x)
    base = k.Model(x, k.layers.BatchNormalization(name="base_norm")(y), name="base")
    base.trainable = False
    image = k.Input((8, 8, 3))
    y = k.layers.GlobalAveragePooling2D(name="pool")(base(image, training=False))
    return k.Model(image, k.layers.Dense(3, kernel_regularizer=k.regularizers.L2(0.01), name="head")(y))


def operations(k):
    """Arithmetic between layers, as people write it."""
    x = k.Input((8, 8, 3))
    y = (x * 2.0 - 0.5) / 3.0 + x
    y = (1.0 - y) * (x + 1)
    if k is keras:
        joined = keras.ops.concatenate([x, keras.ops.relu6(y)], axis=-1)
        return k.Model(x, keras.ops.softmax(keras.ops.mean(joined, axis=(1, 2)), axis=-1))
    joined = tf.concat([x, tf.nn.relu6(y)], axis=-1)
    return k.Model(x, tf.nn.softmax(tf.reduce_mean(joined, axis=[1, 2]), axis=-1))


def _relu6(k, x):
    return keras.ops.relu6(x) if k is keras else tf.nn.relu6(x)


def _sigmoid(k, x):
    return keras.ops.sigmoid(x) if k is keras else tf.sigmoid(x)


WRITTEN_OUT = {
    "x * relu6(x + 3) / 6": ("hard_swish", lambda k, x: x * _relu6(k, x + 3.0) / 6.0),
    "x * (relu6(x + 3) / 6)": ("hard_swish", lambda k, x: x * (_relu6(k, x + 3.0) / 6.0)),
    "x * (relu6(x + 3) * 0.1667)": ("hard_swish", lambda k, x: x * (_relu6(k, x + 3.0) * (1.0 / 6.0))),
    "Multiply(x, ReLU(6)(x + 3) / 6)": (
        "hard_swish",
        lambda k, x: k.layers.Multiply()([x, k.layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)]),
    ),
    "x * sigmoid(x)": ("swish", lambda k, x: x * _sigmoid(k, x)),
    "sigmoid(x) * x": ("swish", lambda k, x: _sigmoid(k, x) * x),
    "relu6(x + 3) / 6": ("hard_sigmoid", lambda k, x: _relu6(k, x + 3.0) / 6.0),
}


def written_out(k, form):
    kind, write = WRITTEN_OUT[form]
    x = k.Input((8, 8, 3))
    return k.Model(x, write(k, x)), kind


def own_layer(k):
    class Doubling(k.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    x = k.Input((4,))
    return k.Model(x, Doubling(name="doubling")(x))


STEPS = ("conv", "norm", "activation", "shared", "branch", "nested", "scale", "join", "written_out")
ACTIVATIONS = ("relu", "swish", "elu", "tanh", "sigmoid", "relu6", "linear")


def random_model(k, plan):
    """A model of (step, choice) pairs; every step keeps the shape (N, 6, 6, 4)."""
    k.utils.set_random_seed(0)
    x = k.Input((6, 6, 4))
    shared = k.layers.Conv2D(4, 1, activation="relu")
    tensors = [x]
    for step, choice in plan:
        before = tensors[choice % len(tensors)]
        activation = ACTIVATIONS[choice % len(ACTIVATIONS)]
        tensors.append(_STEP[step](k, tensors[-1], before, activation, shared))
    return k.Model(x, k.layers.Dense(3)(k.layers.Flatten()(tensors[-1])))


def _submodel(k, activation):
    inner = k.Input((6, 6, 4))
    y = k.layers.BatchNormalization()(k.layers.DepthwiseConv2D(3, padding="same", activation=activation)(inner))
    return k.Model(inner, y)


_STEP = {
    "conv": lambda k, x, _, activation, __: k.layers.Conv2D(4, 3, padding="same", activation=activation)(x),
    "norm": lambda k, x, *_: k.layers.BatchNormalization()(x),
    "activation": lambda k, x, _, activation, __: k.layers.Activation(activation)(x),
    "shared": lambda _, x, before, __, shared: shared(x),
    "branch": lambda k, x, before, *_: k.layers.Add()([x, before]),
    "nested": lambda k, x, _, activation, __: _submodel(k, activation)(x),
    "scale": lambda k, x, before, *_: x * np.float32(0.5) + before,
    "join": lambda k, x, before, *_: k.layers.Conv2D(4, 1)(k.layers.Concatenate()([x, before])),
    "written_out": lambda k, x, *_: x * _relu6(k, x + 3.0) / 6.0,
}


def gated_layer(k, form):
    """A user's own layer that applies an activation inside: named in its config, or held as an attribute alone."""
    k.utils.set_random_seed(0)

    class Gated(k.layers.Layer):
        def __init__(self, activation="swish", **kwargs):
            super().__init__(**kwargs)
            self.activation = k.activations.get(activation)

        def build(self, input_shape):
            self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 3))

        def call(self, inputs):
            return self.activation(inputs @ self.kernel) * 2

        def get_config(self):
            named = {"activation": k.activations.serialize(self.activation)} if form == "config" else {}
            return {**super().get_config(), **named}

    x = k.Input((4,))
    return k.Model(x, k.layers.Dense(2)(Gated(name="gated")(x)))


SEQUENCE_LAYERS = {
    "LSTM": lambda k: k.layers.LSTM(5),
    "GRU": lambda k: k.layers.GRU(5, return_sequences=True),
    "Bidirectional": lambda k: k.layers.Bidirectional(k.layers.LSTM(5)),
    "TimeDistributed": lambda k: k.layers.TimeDistributed(k.layers.Dense(5, activation="relu")),
    "Conv1D": lambda k: k.layers.Conv1D(5, 3, activation="swish", padding="same"),
    "ZeroPadding1D": lambda k: k.layers.ZeroPadding1D(2),
    "UpSampling1D": lambda k: k.layers.UpSampling1D(2),
    "LayerNormalization": lambda k: k.layers.LayerNormalization(),
    "EinsumDense": lambda k: k.layers.EinsumDense("abc,cd->abd", (None, 5), activation="relu"),
    "Permute": lambda k: k.layers.Permute((2, 1)),
}


def sequence_layer(k, case):
    k.utils.set_random_seed(0)
    x = k.Input((6, 4))
    if case == "MultiHeadAttention":
        return k.Model(x, k.layers.MultiHeadAttention(2, 3)(x, x))
    return k.Model(x, SEQUENCE_LAYERS[case](k)(x))


SEQUENCE_LAYERS["MultiHeadAttention"] = None
