"""The TFLite 8-bit quantization specification as a table: for each kind of layer, what its int8 kernel asks for.

https://ai.google.dev/edge/litert/models/quantization_spec: weights symmetric in [-127, 127], activations asymmetric in
[-128, 127], and for each operator whether its output has a scale of its own, a prescribed one, or that of its input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from edgeswap.activations.catalog import Activation
from edgeswap.graph.ir import Layer

STEPS = 255  # between the ends of int8
WEIGHT_STEPS = 127  # from zero to the largest magnitude of a weight
WeightScales = Literal["per-channel", "per-tensor"]  # of a weight tensor: one for each output channel or unit, or one
Policy = Literal["auto", "fixed", "observed", "learned"]  # where ranges end, see `edgeswap.quantization.ranges`


@dataclass(frozen=True)
class Range:
    """The real values that int8 -128 and 127 stand for; a side that is None is observed on data."""

    low: float | None = None
    high: float | None = None

    @property
    def fixed(self) -> bool:
        """Whether no data is needed."""
        return self.low is not None and self.high is not None


@dataclass(frozen=True)
class Weight:
    """A weight with fake-quant: symmetric, narrow range [-127, 127].

    `channel_axes` are the axes along which each channel has a scale of its own; without any there is one scale.
    """

    name: str
    channel_axes: tuple[int, ...] = ()


OBSERVED = Range()
SAME_AS_INPUT = None  # "scale and zero point of input and output must be the same" in the specification


@dataclass(frozen=True)
class Rule:
    """One row of the specification.

    Attributes:
        output: range of the output, or SAME_AS_INPUT.
        weights: weights with fake-quant.
        folds_batch_norm: a batch normalization right after it disappears into its weights.
        fuses_relu: a ReLU or ReLU6 right after it is a clamp of the same operator: no tensor in between.
        identity: the converter removes it.
        prescribed: the output range holds to the last bit, so a concat behind it must rescale.
        most_inputs: with more inputs Keras computes it in several operators.
    """

    output: Range | None = OBSERVED
    weights: tuple[Weight, ...] = ()
    folds_batch_norm: bool = False
    fuses_relu: bool = False
    identity: bool = False
    prescribed: bool = False
    most_inputs: int | None = None


def _affine(weight: str, *channel_axes: int) -> Rule:
    return Rule(OBSERVED, (Weight(weight, channel_axes),), folds_batch_norm=True, fuses_relu=True)


_SUM = Rule(OBSERVED, fuses_relu=True, most_inputs=2)
_KEEP = Rule(SAME_AS_INPUT)
_IDENTITY = Rule(SAME_AS_INPUT, identity=True)

# Channel axes of Keras kernels: (height, width, in, out), depthwise (.., in, multiplier), transposed (.., out, in).
RULES: Mapping[str, Rule] = {
    "Conv1D": _affine("kernel", 2),
    "Conv2D": _affine("kernel", 3),
    "DepthwiseConv1D": _affine("depthwise_kernel", 1, 2),
    "DepthwiseConv2D": _affine("depthwise_kernel", 2, 3),
    "Conv2DTranspose": Rule(OBSERVED, (Weight("kernel", (2,)),), folds_batch_norm=True),  # its ReLU stays alone
    "Dense": _affine("kernel"),
    "Add": _SUM,
    "Subtract": _SUM,
    "Multiply": _SUM,
    "Concatenate": Rule(OBSERVED),
    "BatchNormalization": Rule(OBSERVED, fuses_relu=True),
    "LeakyReLU": Rule(OBSERVED),
    "GlobalAveragePooling1D": Rule(OBSERVED),  # MEAN, unlike AVERAGE_POOL_2D, may rescale
    "GlobalAveragePooling2D": Rule(OBSERVED),
    **dict.fromkeys(("EdgeswapMean", "EdgeswapSumOfSquares", "EdgeswapOffset", "EdgeswapInverseRoot"), Rule(OBSERVED)),
    "EdgeswapScale": Rule(OBSERVED, (Weight("scale"),)),
    "EdgeswapShift": Rule(OBSERVED),
    "Softmax": Rule(Range(0.0, 255 / 256), prescribed=True),
    "AveragePooling1D": _KEEP,
    "AveragePooling2D": _KEEP,
    "MaxPooling1D": _KEEP,
    "MaxPooling2D": _KEEP,
    "GlobalMaxPooling1D": _KEEP,
    "GlobalMaxPooling2D": _KEEP,
    "ZeroPadding1D": _KEEP,
    "ZeroPadding2D": _KEEP,
    "Cropping1D": _KEEP,
    "Cropping2D": _KEEP,
    "Flatten": _KEEP,
    "Reshape": _KEEP,
    "Permute": _KEEP,
    "UpSampling2D": _KEEP,
    "Dropout": _IDENTITY,
    "SpatialDropout1D": _IDENTITY,
    "SpatialDropout2D": _IDENTITY,
    "GaussianDropout": _IDENTITY,
    "GaussianNoise": _IDENTITY,
    "ActivityRegularization": _IDENTITY,
}

# By kind; every other activation has its bounds for a range, a side without a bound observed.
ACTIVATIONS: Mapping[str, Rule] = {
    "sigmoid": Rule(Range(0.0, 255 / 256), prescribed=True),
    "tanh": Rule(Range(-1.0, 127 / 128), prescribed=True),
    "linear": _IDENTITY,
}

UNKNOWN = Rule(SAME_AS_INPUT)

# Computed in several operators, between which lie tensors without a prescribed range.
_SEVERAL_OPERATORS = frozenset({"softplus", "mish", "selu"})


def has_inner_ranges(activation: Activation) -> bool:
    """Whether the activation's operators pass values on whose range depends on the samples.

    A sigmoid within a swish has a prescribed range, and a hard-sigmoid's sum that of its result
    (`edgeswap.tflite.hard_sigmoid`); their input times a factor has neither.
    """
    parameters = activation.parameters
    if activation.kind == "swish":
        return bool(parameters["learn_beta"]) or parameters["beta"] != 1.0
    if activation.kind == "hard_sigmoid":
        return bool(6.0 * parameters["slope"] != 1.0)
    return activation.kind in _SEVERAL_OPERATORS


def rule_of(layer: Layer, *, per_channel_dense: bool = False, per_channel: bool = True) -> Rule | None:
    """The row for a layer of a canonical graph; None where the table has none.

    Args:
        layer: of the graph.
        per_channel_dense: one scale for each unit of a Dense layer.
        per_channel: one scale for each channel of every other weight.
    """
    activation = layer.activation
    if activation is not None:
        return ACTIVATIONS.get(activation.kind, Rule(Range(*activation.bounds)))
    if layer.class_name == "Dense" and per_channel_dense:
        return _affine("kernel", 1)
    rule = RULES.get(layer.class_name)
    if rule is None or per_channel:
        return rule
    return replace(rule, weights=tuple(Weight(weight.name) for weight in rule.weights))
