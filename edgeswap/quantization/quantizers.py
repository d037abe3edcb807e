"""What tfmot asks for to carry out a placement: quantizers and a QuantizeConfig, all serializable."""

# ruff: noqa: ARG002 (tfmot sets the signatures)
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from edgeswap.frameworks import tf, tf_keras, tfmot
from edgeswap.quantization.ranges import End
from edgeswap.quantization.specification import WEIGHT_STEPS, Weight
from edgeswap.quantization.widths import NARROWEST
from edgeswap.training.global_batch import extremes

# What the converter gives a channel that is smaller: its kNearZeroTolerance. Where a bias would leave int32 at such a
# scale, the converter makes it greater.
SMALLEST_WEIGHT_RANGE = NARROWEST / 2
# How far a learned end may go, in units of the range's first width: it keeps a range from closing up.
LEARNED_UNITS = (1 / 256, 256.0)

_register = tf_keras.saving.register_keras_serializable(package="edgeswap")


@_register
class OutputQuantizer(tfmot.quantization.keras.quantizers.Quantizer):  # type: ignore[misc]
    """Fake-quant to 8 bits of an activation, asymmetric; each end of the range is fixed, follows the data, or learns.

    An end that follows is a moving average of each training batch's extreme value, as in Jacob et al.,
    arXiv:1712.05877, section 3.1. One that learns is trained by gradient, see `learned_fake_quant`; its variable is in
    units of the range's first width, so that a step of the optimizer moves every range by the same share. Outside of
    training all stand still.

    Args:
        low: where the range begins, and how that may change.
        high: where it ends.
        decay: weight of the past in the moving average.
        least: width that the range keeps wherever its ends move.
    """

    def __init__(self, low: End, high: End, decay: float = 0.99, least: float = NARROWEST) -> None:
        self.low, self.high = low, high
        self.decay, self.least = decay, least
        self.unit = max(high.value - low.value, least)
        self.rests = False

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """A scalar float32 variable for each end that is not fixed, trainable where it learns."""
        variables = {}
        for side, end in (("low", self.low), ("high", self.high)):
            if end.how == "fixed":
                continue
            learned = end.how == "learned"
            variables[side] = layer.add_weight(
                f"{name}_{side}",
                shape=(),
                initializer=tf_keras.initializers.Constant(end.value / self.unit if learned else end.value),
                constraint=self._kept_apart(side, end.limit) if learned else None,
                trainable=learned,
            )
        # tfmot lists what a layer has of its own before these, or behind them if the layer is built only now; a model
        # and its copy, which is given weights in their order, must not differ in that.
        layer._trainable_weights[:0] = layer.layer.trainable_weights
        return variables

    def __call__(self, inputs: Any, training: bool, weights: Mapping[str, Any], **kwargs: Any) -> Any:
        """The inputs, float32 of any shape, rounded to the 256 values of the range."""
        if self.rests:
            return inputs
        # Zero always has an int8 value, so a range reaches it at least.
        lowest = highest = None
        if training and {self.low.how, self.high.how} - {"fixed", "learned"}:
            least, greatest = extremes(inputs)
            lowest, highest = tf.minimum(least, 0.0), tf.maximum(greatest, 0.0)
        low = self._end(self.low, weights.get("low"), lowest, tf.maximum)
        high = tf.maximum(self._end(self.high, weights.get("high"), highest, tf.minimum), low + self.least)
        if training and "learned" in (self.low.how, self.high.how):
            return learned_fake_quant(inputs, low, high)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)

    def _end(self, end: End, variable: Any, extreme: Any, within: Callable[[Any, Any], Any]) -> Any:
        """One end of the range, float32: as it stands, or moved towards the extreme of the batch."""
        if end.how == "fixed":
            return tf.constant(end.value, tf.float32)
        if end.how == "learned":
            return tf.convert_to_tensor(variable) * self.unit
        if extreme is None:
            return variable.read_value()
        # A search drew an end in so that rare values saturate; the extremes of batches would take it back out.
        limit = end.value if end.how == "searched" else end.limit
        if limit is not None:
            extreme = within(extreme, limit)
        moved = self.decay * variable + (1.0 - self.decay) * tf.stop_gradient(extreme)
        with tf.control_dependencies([variable.assign(moved)]):
            return tf.identity(moved)

    def range_now(self, layer: Any) -> tuple[float, float]:
        """Where the range of `layer`, a wrapper with this quantizer that is built, ends now."""
        variables = {variable.name.rpartition("output_")[2].split(":")[0]: variable for variable in layer.weights}
        ends = []
        for side, end in (("low", self.low), ("high", self.high)):
            unit = self.unit if end.how == "learned" else 1.0
            ends.append(end.value if end.how == "fixed" else float(variables[side]) * unit)
        return ends[0], max(ends[1], ends[0] + self.least)

    def _kept_apart(self, side: str, limit: float | None) -> Callable[[Any], Any]:
        """What holds a learned end within its limit, and on its side of zero."""
        least, most = LEARNED_UNITS
        if limit is not None:
            most = abs(limit) / self.unit
        if side == "high":
            return lambda value: tf.clip_by_value(value, min(least, most), most)
        return lambda value: tf.clip_by_value(value, -most, 0.0)

    def get_config(self) -> dict[str, Any]:
        """Plain values from which `from_config` makes the same again."""
        return {"low": asdict(self.low), "high": asdict(self.high), "decay": self.decay, "least": self.least}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> OutputQuantizer:
        """The inverse of `get_config`."""
        least = config.get("least", NARROWEST)  # models saved before it was known have none
        return cls(End(**config["low"]), End(**config["high"]), config["decay"], least)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def learned_fake_quant(x: Any, low: Any, high: Any) -> Any:
    """Fake-quant to 8 bits whose ends learn from every value, not from the clipped ones alone.

    Esser et al., Learned step size quantization, arXiv:1902.08153, equation 3, for a range with two ends: a value
    inside, moved by its rounding from x to y, has dy/dhigh = (y - x) / (high - low) and the opposite for low, since the
    step is their difference / 255; a value beyond an end has 1 for that end. To x the gradient passes straight through
    inside and not at all beyond. The paper's scaling of the gradient is left out: Adam undoes it.

    Args:
        x: float32 of any shape.
        low: scalar.
        high: scalar.
    """
    y = tf.quantization.fake_quant_with_min_max_vars(x, low, high)

    def gradient(upstream: Any) -> tuple[Any, Any, Any]:
        inside = tf.logical_and(x >= low, x <= high)
        rounding = tf.where(inside, (y - x) / (high - low), 0.0)
        to_low = tf.reduce_sum(upstream * tf.where(x < low, 1.0, -rounding))
        to_high = tf.reduce_sum(upstream * tf.where(x > high, 1.0, rounding))
        return tf.where(inside, upstream, 0.0), to_low, to_high

    return y, gradient


@_register
class WeightQuantizer(tfmot.quantization.keras.quantizers.Quantizer):  # type: ignore[misc]
    """Fake-quant to 8 bits of a weight: symmetric, narrow range [-127, 127], scaled to its largest magnitude.

    Plain arithmetic, because TensorFlow's operator knows channels on the last axis only, where a depthwise kernel has
    none, and the converter fails on a reshape around it. To the converter such a weight is a constant, already rounded;
    it gives it the same scales, since the largest magnitude of each channel is 127 steps, and makes one greater where
    the bias, quantized at input scale times weight scale, would leave int32.

    Args:
        channel_axes: axes along which each channel has its own scale; none: one scale for the whole weight.
    """

    def __init__(self, channel_axes: Sequence[int] = ()) -> None:
        self.channel_axes = tuple(channel_axes)
        self.rounded: Any = None

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """No state: the range is that of the weight as it is now."""
        return {}

    def __call__(self, inputs: Any, training: bool, weights: Mapping[str, Any], **kwargs: Any) -> Any:
        """The weight, float32 of any shape, rounded; the gradient passes straight through."""
        if self.rounded is not None:
            return self.rounded.read_value()
        others = [axis for axis in range(inputs.shape.rank) if axis not in self.channel_axes]
        limit = tf.reduce_max(tf.abs(tf.stop_gradient(inputs)), axis=others, keepdims=True)
        scale = tf.maximum(limit, SMALLEST_WEIGHT_RANGE) / WEIGHT_STEPS
        rounded = tf.round(inputs / scale) * scale
        return inputs + tf.stop_gradient(rounded - inputs) if training else rounded

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {"channel_axes": list(self.channel_axes)}


@contextmanager
def rounded_weights(model: Any) -> Iterator[list[Any]]:
    """What a model is traced from for the converter: its variables, those with fake-quant as they are when rounded.

    The converter computes constants itself, but none as large as VGG16's first dense layer: its rounding would stay in
    the file, with the weight in float32.

    Args:
        model: tf_keras; layers that tfmot has not wrapped are taken as they are. Until the end of the context its
            layers compute with the weights that they had at its start.
    """
    wrapped = [layer for layer in model.layers if isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2)]
    weights = [entry for layer in wrapped for entry in layer._weight_vars if isinstance(entry[1], WeightQuantizer)]
    for weight, quantizer, _ in weights:
        quantizer.rounded = tf.Variable(_rounded(quantizer, weight), trainable=False)
    taken = {id(weight) for weight, _, _ in weights}
    try:
        others = [variable for variable in model.variables if id(variable) not in taken]
        yield others + [quantizer.rounded for _, quantizer, _ in weights]
    finally:
        for _, quantizer, _ in weights:
            quantizer.rounded = None
        for layer in wrapped:  # what it was traced with refers to the whole trace, and so to the rounded weights
            layer.quantize_config.set_quantize_weights(layer.layer, [None] * len(layer._weight_vars))


@contextmanager
def unrounded_outputs(model: Any) -> Iterator[None]:
    """Until its end no output of `model`, called eagerly, is rounded or cut; weights stay rounded."""
    outputs = [
        layer.quantize_config.output
        for layer in model.layers
        if isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2) and layer.quantize_config.output is not None
    ]
    for output in outputs:
        output.rests = True
    try:
        yield
    finally:
        for output in outputs:
            output.rests = False


def _rounded(quantizer: WeightQuantizer, weight: Any) -> Any:
    """By a graph, which multiplies by the inverse of what it would divide by: so to the bit as the converter does."""
    return tf.function(lambda: quantizer(weight, training=False, weights={}), autograph=False)()


def per_channel_weights(fake_quant_model: Any) -> tuple[bool, bool]:
    """Whether dense layers of a fake-quant model, and whether its other layers, have weights with several scales.

    So it must be converted. Without other layers that have weights, the second is true.
    """
    wrapped = [
        layer for layer in fake_quant_model.layers if isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2)
    ]
    scales: dict[bool, list[bool]] = {True: [], False: []}
    for layer in wrapped:
        several = [bool(weight.channel_axes) for weight in layer.quantize_config.weights]
        scales[isinstance(layer.layer, tf_keras.layers.Dense)] += several
    return any(scales[True]), any(scales[False]) or not scales[False]


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
        return cls(weights, None if output is None else OutputQuantizer.from_config(output))
