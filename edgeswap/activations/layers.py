"""The catalog's activations as Keras layers, one class a framework.

Keras's own layer stands wherever it has one, so that a swapped model opens in plain Keras; the rest is
`CatalogActivation`, which `edgeswap.custom_objects()` lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgeswap.activations.catalog import Activation
from edgeswap.frameworks import keras, tf, tf_keras


def _elu(x: Any, alpha: float) -> Any:
    # tf.nn.elu takes no alpha; a leaky slope after it scales the negative side alone, and TFLite has both in int8.
    return tf.nn.elu(x) if alpha == 1.0 else tf.nn.leaky_relu(tf.nn.elu(x), alpha)


# In TensorFlow's words, in the form that the TFLite converter fuses or knows (x relu6(x + 3) / 6 is HARD_SWISH).
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "linear": tf.identity,
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "elu": _elu,
    "swish": lambda x: x * tf.sigmoid(x),
    "hard_swish": lambda x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "clipped_elu": lambda x, alpha, max_value: tf.minimum(_elu(x, alpha), max_value),
}


def _layer_class(framework: Any) -> Any:
    @framework.saving.register_keras_serializable(package="edgeswap")
    class CatalogActivation(framework.layers.Layer):  # type: ignore[misc]
        """An activation of edgeswap's catalog; any shape in, the same out."""

        def __init__(self, kind: str, parameters: Mapping[str, float] | None = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.activation = Activation(kind, parameters or {})
            self.supports_masking = True

        def call(self, inputs: Any) -> Any:
            return FUNCTIONS[self.activation.kind](inputs, **self.activation.parameters)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

        def get_config(self) -> dict[str, Any]:
            own = {"kind": self.activation.kind, "parameters": dict(self.activation.parameters)}
            return {**super().get_config(), **own}

    return CatalogActivation


CLASSES: Mapping[str, Any] = {"keras": _layer_class(keras), "tf_keras": _layer_class(tf_keras)}


def activation_layer(activation: Activation, framework: Any, **config: Any) -> Any:
    """The Keras layer of `framework` that computes `activation`; `config` is name, dtype and the like."""
    match activation.kind:
        case "relu":
            return framework.layers.ReLU(**config)
        case "relu6":
            return framework.layers.ReLU(max_value=6.0, **config)
        case "elu":
            return framework.layers.ELU(alpha=activation.parameters["alpha"], **config)
        case "linear" | "sigmoid" | "tanh" | "swish":
            return framework.layers.Activation(activation.kind, **config)
        case "hard_swish" if framework is keras:
            return framework.layers.Activation("hard_swish", **config)
    return CLASSES[framework.__name__](activation.kind, dict(activation.parameters), **config)
