"""The steps of a layer normalization as layers, each of which is one int8 operator.

All work along the last axis; of what they add up it keeps size 1. Keras has no layers for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeswap.frameworks import keras, tf, tf_keras

TINY = 1e-12  # of what training divides by the root of: a gradient at zero is no number


def _layer_classes(framework: Any) -> dict[str, Any]:  # noqa: C901  (one class each)
    register = framework.saving.register_keras_serializable(package="edgeswap")

    class Step(framework.layers.Layer):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.supports_masking = True  # as the layer normalization does

    @register
    class EdgeswapMean(Step):
        """(..., n) to the mean, (..., 1): MEAN."""

        def call(self, inputs: Any) -> Any:
            return tf.reduce_mean(inputs, axis=-1, keepdims=True)

    @register
    class EdgeswapSumOfSquares(Step):
        """(..., n) to the sum of squares, (..., 1): BATCH_MATMUL, which adds the squares up in 32 bits.

        Of three dimensions, as TensorFlow Lite for Microcontrollers takes four at most.
        """

        def call(self, inputs: Any) -> Any:
            rows = tf.reshape(inputs, (-1, 1, inputs.shape[-1]))
            sums = tf.matmul(rows, rows, transpose_b=True)
            return tf.ensure_shape(
                tf.reshape(sums, tf.concat([tf.shape(inputs)[:-1], [1]], axis=0)), (*inputs.shape[:-1], 1)
            )

    @register
    class EdgeswapOffset(Step):
        """A constant added: ADD."""

        def __init__(self, offset: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.offset = offset

        def call(self, inputs: Any) -> Any:
            return inputs + self.offset

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "offset": self.offset}

    @register
    class EdgeswapInverseRoot(Step):
        """1 / sqrt(x): RSQRT. Of 0 it is infinite, which int8 takes for the end of its range."""

        def call(self, inputs: Any, training: Any = None) -> Any:
            return tf.math.rsqrt(tf.maximum(inputs, TINY) if training else inputs)

    @register
    class EdgeswapScale(Step):
        """A weight for each feature: MUL."""

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")
            super().build(shape)

        def call(self, inputs: Any) -> Any:
            return inputs * self.scale

    @register
    class EdgeswapShift(Step):
        """A bias for each feature: ADD."""

        def build(self, shape: Any) -> None:
            self.shift = self.add_weight(name="shift", shape=(shape[-1],), initializer="zeros")
            super().build(shape)

        def call(self, inputs: Any) -> Any:
            return inputs + self.shift

    classes = (EdgeswapMean, EdgeswapSumOfSquares, EdgeswapOffset, EdgeswapInverseRoot, EdgeswapScale, EdgeswapShift)
    return {made.__name__: made for made in classes}


CLASSES: Mapping[str, Mapping[str, Any]] = {"keras": _layer_classes(keras), "tf_keras": _layer_classes(tf_keras)}
