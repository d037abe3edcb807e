"""What tfmot asks for to carry out a placement: quantizers and a QuantizeConfig, all serializable."""

# ruff: noqa: ARG002 (tfmot sets the signatures)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeswap.frameworks import tf, tf_keras, tfmot
from edgeswap.quantization.specification import Range, Weight

# A channel of zeros has no scale. This one keeps its bias, quantized at input scale times weight scale, inside int32.
SMALLEST_WEIGHT_RANGE = 1e-5

_register = tf_keras.saving.register_keras_serializable(package="edgeswap")


@_register
class OutputQuantizer(tfmot.quantization.keras.quantizers.Quantizer):  # type: ignore[misc]
    """Fake-quant to 8 bits of an activation, asymmetric; a side without a bound follows the data.

    The followed side is a moving average of each training batch's extreme value, as in Jacob et al.,
    arXiv:1712.05877, section 3.1, and stands still outside of training.

    Args:
        low: lower bound, or None to follow the data.
        high: upper bound, or None to follow the data.
        start: lowest and highest value before the first training batch.
        decay: weight of the past in the moving average.
    """

    def __init__(
        self, low: float | None, high: float | None, start: Sequence[float] = (0.0, 0.0), decay: float = 0.99
    ) -> None:
        self.bounds = Range(low, high)
        self.start = (float(start[0]), float(start[1]))
        self.decay = decay

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """A non-trainable scalar float32 variable for each followed side."""
        sides = {"low": (self.bounds.low, self.start[0]), "high": (self.bounds.high, self.start[1])}
        return {
            side: layer.add_weight(
                f"{name}_{side}", shape=(), initializer=tf_keras.initializers.Constant(start), trainable=False
            )
            for side, (bound, start) in sides.items()
            if bound is None
        }

    def __call__(self, inputs: Any, training: bool, weights: Mapping[str, Any], **kwargs: Any) -> Any:
        """The inputs, float32 of any shape, rounded to the 256 values of the range."""
        # Zero always has an int8 value, so a range reaches it at least.
        lowest = tf.minimum(tf.reduce_min(inputs), 0.0) if training else None
        highest = tf.maximum(tf.reduce_max(inputs), 0.0) if training else None
        low = self._end(self.bounds.low, weights.get("low"), lowest)
        high = self._end(self.bounds.high, weights.get("high"), highest)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)

    def _end(self, bound: float | None, variable: Any, extreme: Any) -> Any:
        """One end of the range: fixed, standing still, or moved towards the extreme of the batch."""
        if bound is not None:
            return tf.constant(bound, tf.float32)
        if extreme is None:
            return variable.read_value()
        moved = self.decay * variable + (1.0 - self.decay) * tf.stop_gradient(extreme)
        with tf.control_dependencies([variable.assign(moved)]):
            return tf.identity(moved)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {"low": self.bounds.low, "high": self.bounds.high, "start": list(self.start), "decay": self.decay}


@_register
class WeightQuantizer(tfmot.quantization.keras.quantizers.Quantizer):  # type: ignore[misc]
    """Fake-quant to 8 bits of a weight: symmetric, narrow range [-127, 127], scaled to its largest magnitude.

    One scale: TensorFlow's operator, by which the converter knows that there shall be one. Scales by channel: plain
    arithmetic, because the operator knows channels on the last axis only, where a depthwise kernel has none, and the
    converter fails on a reshape around it. To the converter such a weight is a constant, already rounded; it gives it
    the same scales, since the largest magnitude of each channel is 127 steps.

    Args:
        channel_axes: axes along which each channel has its own scale; none: one scale for the whole weight.
    """

    def __init__(self, channel_axes: Sequence[int] = ()) -> None:
        self.channel_axes = tuple(channel_axes)

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """No state: the range is that of the weight as it is now."""
        return {}

    def __call__(self, inputs: Any, training: bool, weights: Mapping[str, Any], **kwargs: Any) -> Any:
        """The weight, float32 of any shape, rounded; the gradient passes straight through."""
        if not self.channel_axes:
            limit = tf.maximum(tf.reduce_max(tf.abs(tf.stop_gradient(inputs))), SMALLEST_WEIGHT_RANGE)
            return tf.quantization.fake_quant_with_min_max_vars(inputs, -limit, limit, narrow_range=True)
        others = [axis for axis in range(inputs.shape.rank) if axis not in self.channel_axes]
        limit = tf.reduce_max(tf.abs(tf.stop_gradient(inputs)), axis=others, keepdims=True)
        scale = tf.maximum(limit, SMALLEST_WEIGHT_RANGE) / 127.0
        rounded = tf.round(inputs / scale) * scale
        return inputs + tf.stop_gradient(rounded - inputs) if training else rounded

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {"channel_axes": list(self.channel_axes)}


@_register
class LayerQuantizers(tfmot.quantization.keras.QuantizeConfig):  # type: ignore[misc]
    """What tfmot's wrapper does to one layer.

    Args:
        weights: name of each weight attribute with fake-quant, and its channel axes.
        output: the quantizer of the output, or None.
    """

    def __init__(self, weights: Sequence[Weight] = (), output: OutputQuantizer | None = None) -> None:
        self.weights = tuple(weights)
        self.output = output

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        """Weight variables of `layer` with their quantizers."""
        return [(getattr(layer, weight.name), WeightQuantizer(weight.channel_axes)) for weight in self.weights]

    def set_quantize_weights(self, layer: Any, quantize_weights: Sequence[Any]) -> None:
        """Let `layer` compute with the rounded weights."""
        for weight, rounded in zip(self.weights, quantize_weights, strict=True):
            setattr(layer, weight.name, rounded)

    def get_activations_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        """None: in a canonical graph every activation is a layer of its own."""
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: Sequence[Any]) -> None:
        """Nothing to set."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """The quantizer of the only output, if it has one."""
        return [] if self.output is None else [self.output]

    def get_config(self) -> dict[str, Any]:
        """Plain values from which `from_config` makes the same again."""
        weights = [[weight.name, list(weight.channel_axes)] for weight in self.weights]
        return {"weights": weights, "output": None if self.output is None else self.output.get_config()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LayerQuantizers:
        """The inverse of `get_config`."""
        weights = [Weight(name, tuple(axes)) for name, axes in config["weights"]]
        output = config["output"]
        return cls(weights, None if output is None else OutputQuantizer(**output))
