"""The catalog's activations as Keras layers, one class a framework.

Keras's own layer stands wherever it has one, so that a swapped model opens in plain Keras; the rest is
`CatalogActivation`, which `edgeswap.custom_objects()` lists. In tf_keras, where models are on their way to the
converter, Keras's own stands only where the converter knows what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.activations.catalog import CATALOG, FRAMEWORK_FUNCTIONS, Activation
from edgeswap.activations.functions import SELU_ALPHA, SELU_SCALE
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf, tf_keras


def _elu(x: Any, alpha: float) -> Any:
    # tf.nn.elu takes no alpha; a leaky slope after it scales the negative side alone, and TFLite has both in int8.
    return tf.nn.elu(x) if alpha == 1.0 else tf.nn.leaky_relu(tf.nn.elu(x), alpha)


def _leaky_relu(x: Any, negative_slope: Any) -> Any:
    # With a slope above 1 max(x, slope x) would not do; this is what PReLU computes, and the converter's PRELU.
    return tf.nn.relu(x) - negative_slope * tf.nn.relu(-x)


def _clip(x: Any, low: float | None, high: Any) -> Any:
    x = x if high is None else tf.minimum(x, high)
    return x if low is None else tf.maximum(x, low)


def _clipped_elu(x: Any, alpha: float, max_value: float, min_value: float | None) -> Any:
    return _clip(_elu(x, alpha), min_value, max_value)


def _swish(x: Any, beta: Any, max_value: float | None, learn_beta: bool) -> Any:
    scaled = beta * x if learn_beta or beta != 1.0 else x
    return _clip(x * tf.sigmoid(scaled), None, max_value)


def _softplus(x: Any) -> Any:
    # Keras's own becomes log(exp(x) + 1), whose exp takes all of int8's steps for its largest values: off by up to 59
    # of the output's 255 steps on -8..8. Here sigmoid(|x|) lies in [1/2, 1]; the leaky slope of -1 is |x|, which the
    # XNNPACK delegate takes, with a gradient at 0 that makes this one's 1/2 there.
    return tf.nn.relu(x) - tf.math.log(tf.sigmoid(tf.nn.leaky_relu(x, -1.0)))


def _hard_sigmoid(x: Any, slope: float) -> Any:
    # A RELU6, which fuses; a clip to [0, 1] would be MINIMUM and RELU.
    return tf.nn.relu6(_times(x, 6.0 * slope) + 3.0) * (1.0 / 6.0)


def _hard_swish(x: Any, max_value: float | None) -> Any:
    return _clip(x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0), None, max_value)


def _times(x: Any, factor: float) -> Any:
    return x if factor == 1.0 else x * factor


# In TensorFlow's words, in the form that the TFLite converter fuses or knows (x relu6(x + 3) / 6 is HARD_SWISH,
# a clip to [-1, 1] RELU_N1_TO_1, and a MINIMUM behind a fused RELU goes when the int8 range ends at its bound).
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "linear": tf.identity,
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "softplus": _softplus,
    "elu": _elu,
    "selu": lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
    "relu6": tf.nn.relu6,
    "relu_n": lambda x, max_value: tf.minimum(tf.nn.relu(x), max_value),
    "leaky_relu": lambda x, negative_slope: tf.nn.leaky_relu(x, alpha=negative_slope),
    "prelu": _leaky_relu,
    "swish": _swish,
    "mish": lambda x: x * tf.tanh(_softplus(x)),
    "gelu": tf.nn.gelu,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _hard_swish,
    "hard_tanh": lambda x: _clip(x, -1.0, 1.0),
    "clipped_elu": _clipped_elu,
    "pact": lambda x, max_value: tf.minimum(tf.nn.relu(x), max_value),
}


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]  # nothing here branches on a tensor
def _computed(activation: Activation, x: Any, learned: Mapping[str, Any]) -> Any:
    return FUNCTIONS[activation.kind](x, **{**activation.parameters, **learned})


def _layer_class(framework: Any) -> Any:
    @framework.saving.register_keras_serializable(package="edgeswap")
    class CatalogActivation(framework.layers.Layer):  # type: ignore[misc]
        """An activation of edgeswap's catalog; any shape in, the same out. What it learns are its weights."""

        def __init__(self, kind: str, parameters: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.activation = Activation(kind, parameters or {})
            self.supports_masking = True
            self.learned_parameters: dict[str, Any] = {}

        def build(self, input_shape: Any) -> None:
            if CATALOG[self.activation.kind].per_channel and input_shape[-1] is None:
                raise ModelError(
                    f"Expected a fixed number of channels for the {self.activation.kind} in {self.name!r}, "
                    f"got an input of shape {tuple(input_shape)}.",
                    "Give the model an input with a fixed last dimension.",
                )
            starts = self.activation.initial_weights(channels=input_shape[-1], rank=len(input_shape))
            self.learned_parameters = {
                name: self.add_weight(
                    name=name, shape=start.shape, initializer=framework.initializers.Constant(start.flat[0])
                )
                for name, start in zip(self.activation.learned, starts, strict=True)
            }
            super().build(input_shape)

        def call(self, inputs: Any) -> Any:
            learned = {name: tf.convert_to_tensor(weight) for name, weight in self.learned_parameters.items()}
            return _computed(self.activation, inputs, learned)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

        def get_config(self) -> dict[str, Any]:
            own = {"kind": self.activation.kind, "parameters": dict(self.activation.parameters)}
            return {**super().get_config(), **own}

    return CatalogActivation


CLASSES: Mapping[str, Any] = {"keras": _layer_class(keras), "tf_keras": _layer_class(tf_keras)}

# Kinds for which `layers.Activation` has a name; in tf_keras those alone whose Keras function the converter knows.
_NATIVE = {
    "keras": {
        "linear", "sigmoid", "tanh", "softplus", "selu", "swish", "mish", "gelu", "hard_sigmoid", "hard_swish",
        "hard_tanh",
    },
    "tf_keras": {"linear", "sigmoid", "tanh", "swish", "gelu"},
}  # fmt: skip


def activation_layer(
    activation: Activation,
    framework: Any,
    *,
    weights: Sequence[npt.NDArray[Any]] = (),
    **config: Any,
) -> Any:
    """The Keras layer of `framework` that computes `activation`.

    Args:
        activation: of the catalog.
        framework: the module `keras` or `tf_keras`.
        weights: those that the layer will be given, where they are known: their shapes tell over which axes it shares
            them, so that a PReLU can be Keras's own. They are not set.
        config: name, dtype, trainable and the like.
    """
    parameters, of_keras_3 = activation.parameters, framework is keras
    own: dict[str, Any]
    match activation.kind:
        case "relu":
            name, own = "ReLU", {}
        case "relu6":
            name, own = "ReLU", {"max_value": 6.0}
        case "relu_n" if of_keras_3:
            name, own = "ReLU", {"max_value": parameters["max_value"]}
        case "elu":
            name, own = "ELU", {"alpha": parameters["alpha"]}
        case "leaky_relu":
            name, own = "LeakyReLU", {"negative_slope" if of_keras_3 else "alpha": parameters["negative_slope"]}
        case "prelu" if weights:
            start = framework.initializers.Constant(parameters["negative_slope"])
            name, own = "PReLU", {"alpha_initializer": start, "shared_axes": _shared_axes(weights[0])}
        case kind if kind in _NATIVE[framework.__name__] and activation == Activation(kind):
            name, own = "Activation", {"activation": kind}
        case kind:
            return CLASSES[framework.__name__](kind, dict(parameters), **config)
    return getattr(framework.layers, name)(**own, **config)


def _shared_axes(weight: npt.NDArray[Any]) -> list[int]:
    """The axes, counted with the batch's, along which a PReLU of this weight has one slope for all."""
    return [axis for axis, size in enumerate(np.shape(weight), start=1) if size == 1]


def activation_function(activation: Activation, framework: Any) -> Any:
    """What a layer of a user's own takes as its `activation`: Keras's function of that name, or a callable layer.

    Raises:
        ModelError: the activation learns, for which the user's layer has no place.
    """
    if activation.learned:
        raise ModelError(
            f"Expected an activation without weights inside a layer of your own, got {activation}.",
            "Swap in one that learns nothing there.",
        )
    for name, text in FRAMEWORK_FUNCTIONS[framework.__name__].items():
        if text == str(activation):
            return framework.activations.get(name)
    return activation_layer(activation, framework)
