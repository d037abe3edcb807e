"""The table behind `predicted_operators`: TFLite operators by Keras layer and by activation.

Read off models that edgeswap converted with TensorFlow 2.21; a slow test converts them again and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeswap.activations.int8_endings import ENDINGS
from edgeswap.compatibility.remedies import SWAP, Way
from edgeswap.graph.ir import Layer


@dataclass(frozen=True)
class Lowered:
    """What one call of a layer becomes.

    Attributes:
        operators: in the order in which they run; none where the layer is fused, folded or removed.
        in_float: those of them that have no int8 form, so that float tensors stay around them.
        refused: what TFLite has no operator for at all; the converter fails on it.
        why: in one sentence, where one of these is the case; without either it is a doubt about the operators.
        instead: what to write instead, also where a target lacks one of the operators; where there are `ways`, what a
            target is told that runs none of them.
        ways: what to write instead, for the targets that run what it becomes.
        options: what tables ask of the operators, see `edgeswap.tflite.operator.Operation`.
        version: of the operators, where it is higher than usual.
        certain: of what is `in_float` or `refused`, whether it comes out so whatever stands around the layer. What is
            certain stops an export before it trains; what is not is left to the conversion.
    """

    operators: tuple[str, ...] = ()
    in_float: tuple[str, ...] = ()
    refused: str = ""
    why: str = ""
    instead: str = ""
    ways: tuple[Way, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    certain: bool = True


NOTHING = Lowered()

TOKENS = "An int8 input cannot carry token numbers: it has only 256 values."
EMBED_IN_THE_APP = "Look up the vectors in the app, and export the part of the model after the embedding."

CLAMPS = {"relu": "RELU", "relu6": "RELU6", "relu_n": "RELU", "hard_tanh": "RELU_N1_TO_1", "pact": "RELU"}

# As converted; whether a hard-swish is rewritten is decided by target.
ACTIVATIONS: Mapping[str, tuple[str, ...]] = {
    **{kind: endings["XNNPACK"].operators for kind, endings in ENDINGS.items()},
    **{kind: (operator,) for kind, operator in CLAMPS.items()},
    "hard_swish": ("HARD_SWISH",),
}


def _is_above_1(value: Any) -> bool:
    return any(size > 1 for size in value) if isinstance(value, (list, tuple)) else (value or 1) > 1


def _convolution(operator: str) -> Callable[[Layer, int], Lowered]:
    def convolution(layer: Layer, _inputs: int) -> Lowered:
        dilation = layer.config.get("dilation_rate", 1)
        options = {"dilation": tuple(dilation) if isinstance(dilation, (list, tuple)) else (dilation, dilation)}
        grouped = operator == "CONV_2D" and _is_above_1(layer.config.get("groups"))
        return Lowered((operator,), options=options, version=_GROUPED_VERSION if grouped else None)

    return convolution


_GROUPED_VERSION = 6  # of CONV_2D, where the input has more channels than the kernel


def _merge(operator: str) -> Callable[[Layer, int], Lowered]:
    return lambda _layer, inputs: Lowered((operator,) * (inputs - 1))


def _resize(layer: Layer, _inputs: int) -> Lowered:
    how = layer.config.get("interpolation", "nearest")
    operator = {"nearest": "RESIZE_NEAREST_NEIGHBOR", "bilinear": "RESIZE_BILINEAR"}.get(how)
    return Lowered((operator,)) if operator else refused(f"Resize{how.title()}", "Write interpolation='bilinear'.")


def _rescaling(layer: Layer, _inputs: int) -> Lowered:
    return Lowered(
        (
            *(() if layer.config["scale"] == 1.0 else ("MUL",)),
            *(() if layer.config["offset"] == 0.0 else ("ADD",)),
        )
    )


def _recurrent(layer: Layer, _inputs: int) -> Lowered:
    if layer.config.get("unroll"):
        return _UNROLLED[layer.class_name]
    if layer.class_name == "LSTM" and _is_one_operator(layer.config):
        return Lowered(("UNIDIRECTIONAL_SEQUENCE_LSTM",))
    unrolled = _UNROLLED[layer.class_name].operators
    ways = (Way("build it with unroll=True, which gives plain int8 operators", operators=unrolled), _CONV1D)
    return Lowered(("WHILE",), ("WHILE",), why="It becomes a loop that carries float32 tensors.", ways=ways)


def _is_one_operator(config: Mapping[str, Any]) -> bool:
    """Whether the converter knows an LSTM: as Keras's own fast form of it, all else is a loop."""
    plain = {"activation": "tanh", "recurrent_activation": "sigmoid"}
    named = {name: config.get(name, default) for name, default in plain.items()}
    named = {name: value["catalog"] if isinstance(value, Mapping) else value for name, value in named.items()}
    return named == plain and bool(config.get("use_bias", True)) and not config.get("recurrent_dropout")


def _bidirectional(layer: Layer, inputs: int) -> Lowered | None:
    """The layer forwards, and once more over the reversed sequence."""
    inner = layer.config["layer"]
    row = LAYERS.get(inner["class_name"])
    inside = Layer(layer.name, inner["class_name"], inner["config"])
    one = row(inside, inputs) if callable(row) else row
    if one is None or one.in_float or one.refused:
        return one
    return Lowered((*one.operators, "REVERSE_V2", *one.operators))


def _activation_class(layer: Layer, _inputs: int) -> Lowered | None:
    function = layer.config["activation"]  # a record, where it is a function of the user's own
    return _KERAS_FUNCTIONS.get(function) if isinstance(function, str) else None


def _layer_normalization(layer: Layer, _inputs: int) -> Lowered:
    axis = layer.config.get("axis", -1)
    is_over_features = axis in (-1, [-1], (-1,)) and not layer.config.get("rms_scaling")
    return Lowered(
        _MOMENTS if is_over_features else _MOMENTS_OF_CONVERTER,
        instead="Use BatchNormalization instead: the converter folds it away.",
        options={"of_rows": True},
    )


def _thresholded(layer: Layer, _inputs: int) -> Lowered:
    if layer.class_name == "ThresholdedReLU" or layer.config.get("threshold"):
        return Lowered(("GREATER", "CAST", "MUL"), ("CAST",), why=_ISLAND, instead="Swap it for relu6.")
    ways = (Way("remove max_value, which makes it {}", ("leaky_relu",)), Way(SWAP, ("relu6",)))
    return Lowered(("NEG", "RELU", "MUL", "RELU6", "SUB"), ("NEG",), why=_ISLAND, ways=ways, certain=False)


def _prelu(layer: Layer, _inputs: int) -> Lowered:
    return Lowered(("PRELU",), options={"slope_shape": layer.weights[0].shape if layer.weights else ()})


def island(operator: str, instead: str, *around: str) -> Lowered:
    """An operator that the converter leaves in float, unless it can join it with its neighbours."""
    return Lowered((operator, *around), (operator,), "", _ISLAND, instead, certain=operator in _NEVER_JOINED)


def refused(operation: str, instead: str, *ways: Way) -> Lowered:
    """What TFLite has no operator for; `operation` is as TensorFlow calls it."""
    why = "TFLite has no operator for it: the converter fails."
    return Lowered(refused=operation, why=why, instead=instead, ways=ways)


# What no pattern of the converter folds into other operators, so that it stays in float in every model.
_NEVER_JOINED = frozenset({"ATAN2", "BUCKETIZE", "CONV_3D", "CONV_3D_TRANSPOSE", "CUMSUM", "FLOOR_DIV", "FLOOR_MOD"})
_ISLAND = "It has no int8 form: the converter leaves DEQUANTIZE and QUANTIZE around it."
_CONV1D = Way("use Conv1D layers", operators=("CONV_2D",))
IN_THE_APP = "Compute it in the app."
_A_PIECE_A_STEP = 100  # or however many steps there are: more than a delegate takes
_FLAT = "Use layers over two dimensions; fold the third into the channels or the batch."
# As `edgeswap.quantization.layer_normalization` writes one, and as the converter does.
_MOMENTS = ("MEAN", "SUB", "BATCH_MATMUL", "ADD", "RSQRT", "MUL")
_MOMENTS_OF_CONVERTER = ("MEAN", "SQUARED_DIFFERENCE", "MEAN", "ADD", "RSQRT", "MUL", "MUL", "SUB", "ADD")

_UNROLLED: Mapping[str, Lowered] = {
    "SimpleRNN": Lowered(("UNPACK", "FULLY_CONNECTED", "ADD", "TANH")),
    "LSTM": Lowered(("UNPACK", "FULLY_CONNECTED", "ADD", "SPLIT", "LOGISTIC", "TANH", "MUL")),
    "GRU": Lowered(("UNPACK", "FULLY_CONNECTED", "SPLIT", "SPLIT_V", "LOGISTIC", "SUB", "TANH", "MUL", "ADD")),
}

_KERAS_FUNCTIONS: Mapping[str, Lowered] = {
    "exponential": Lowered(("EXP",)),
    "softsign": Lowered(("ABS", "ADD", "DIV")),
    "log_softmax": Lowered(("LOG_SOFTMAX",)),
    "softmax": Lowered(("SOFTMAX",)),
}

# A function where it depends on the layer's config or the number of its inputs.
LAYERS: Mapping[str, Lowered | Callable[[Layer, int], Lowered | None]] = {
    **dict.fromkeys(("InputLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout"), NOTHING),
    **dict.fromkeys(("GaussianNoise", "AlphaDropout", "ActivityRegularization", "Identity"), NOTHING),
    **dict.fromkeys(("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast"), NOTHING),
    **dict.fromkeys(("Conv1D", "Conv2D"), _convolution("CONV_2D")),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _convolution("DEPTHWISE_CONV_2D")),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), Lowered(("DEPTHWISE_CONV_2D", "CONV_2D"))),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), Lowered(("TRANSPOSE_CONV",))),
    "Dense": Lowered(("FULLY_CONNECTED",)),
    "Add": _merge("ADD"),
    "Subtract": _merge("SUB"),
    "Multiply": _merge("MUL"),
    "Maximum": _merge("MAXIMUM"),
    "Minimum": _merge("MINIMUM"),
    "Average": _merge("ADD"),
    "Dot": Lowered(("BATCH_MATMUL",)),
    "Concatenate": Lowered(("CONCATENATION",)),
    "Softmax": Lowered(("SOFTMAX",)),
    "GlobalAveragePooling1D": Lowered(("MEAN",), options={"axes": (1,)}),
    "GlobalAveragePooling2D": Lowered(("MEAN",), options={"axes": (1, 2)}),
    "GlobalAveragePooling3D": Lowered(("MEAN",), options={"axes": (1, 2, 3)}),
    **dict.fromkeys(("GlobalMaxPooling1D", "GlobalMaxPooling2D"), Lowered(("REDUCE_MAX",))),
    **dict.fromkeys(("AveragePooling1D", "AveragePooling2D"), Lowered(("AVERAGE_POOL_2D",))),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D"), Lowered(("MAX_POOL_2D",))),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"), Lowered(("PAD",))),
    **dict.fromkeys(("Cropping1D", "Cropping2D"), Lowered(("STRIDED_SLICE",))),
    "CenterCrop": Lowered(("SLICE",)),
    **dict.fromkeys(("Flatten", "Reshape"), Lowered(("RESHAPE",))),
    "Permute": Lowered(("TRANSPOSE",)),
    "RepeatVector": Lowered(("TILE",)),
    **dict.fromkeys(("UpSampling2D", "Resizing"), _resize),
    "UpSampling1D": Lowered(("SPLIT", "CONCATENATION"), options={"pieces": _A_PIECE_A_STEP}),
    "Rescaling": _rescaling,
    "Normalization": Lowered(("SUB", "MUL")),
    "LayerNormalization": _layer_normalization,
    "GroupNormalization": Lowered(
        ("SUM", "SUB", "SQUARE", "RSQRT"),
        ("SQUARE",),
        "",
        _ISLAND,
        "Use BatchNormalization instead: the converter folds it away.",
    ),
    "UnitNormalization": Lowered(("L2_NORMALIZATION",)),
    "Attention": Lowered(("BATCH_MATMUL", "SOFTMAX", "BATCH_MATMUL")),
    "AdditiveAttention": Lowered(("ADD", "TANH", "MUL", "SUM", "SOFTMAX", "BATCH_MATMUL")),
    "Activation": _activation_class,
    **dict.fromkeys(("ReLU", "ThresholdedReLU"), _thresholded),
    "PReLU": _prelu,
    **dict.fromkeys(("GRU", "LSTM", "SimpleRNN"), _recurrent),
    "Bidirectional": _bidirectional,
    "Embedding": Lowered(("CAST", "GATHER"), ("CAST",), "", TOKENS, EMBED_IN_THE_APP),
    "Conv3D": island("CONV_3D", _FLAT),
    "Conv3DTranspose": island("CONV_3D_TRANSPOSE", _FLAT),
    "MaxPooling3D": refused("MaxPool3D", _FLAT),
    "AveragePooling3D": refused("AvgPool3D", _FLAT),
    **dict.fromkeys(
        ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), refused("a convolutional LSTM", "Write Conv2D layers.")
    ),
}
