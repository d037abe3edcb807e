"""What the Edge TPU compiler maps: Coral's table of operators, with its limits.

https://coral.ai/docs/edgetpu/models-intro, the sections on model requirements and supported operations; where the
tracker of google-coral/edgetpu knows more, the issue's number stands beside it. The compiler takes one piece from the
front: the first operator that does not map and everything behind it run on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edgeswap.compatibility.findings import Remark
from edgeswap.tflite.operator import Operation, Shape

BASIS = "Coral's table of supported operations (coral.ai/docs/edgetpu/models-intro)"
DTYPES = frozenset({"INT8", "UINT8"})
MOST_DIMENSIONS = 3  # above 1
LARGEST_SOFTMAX = 16_000
DEPTH_MULTIPLE = 4

# google-coral/edgetpu issues 631 and 845: the lowest version that is refused.
REFUSED_VERSIONS: Mapping[str, tuple[int, int]] = {"CONV_2D": (6, 631), "TRANSPOSE_CONV": (4, 845)}

Limit = Callable[[Operation], str | None]


def wide(shape: Sequence[int]) -> int:
    """How many dimensions are above 1."""
    return sum(size > 1 for size in shape)


def _first(shapes: Sequence[Shape]) -> Shape:
    return shapes[0] if shapes else ()


def _no_fused(operation: Operation) -> str | None:
    return f" with a fused {operation.options['fused']}" if operation.options.get("fused") else None


def _same_dilation(operation: Operation) -> str | None:
    dilation = operation.options.get("dilation", (1, 1))
    return f" with dilation {tuple(dilation)}, which differs between y and x" if len({*dilation}) > 1 else None


def _one_dimension(operation: Operation) -> str | None:
    wide_output = wide(_first(operation.outputs)) > 1
    return " with an output that has more than one dimension above 1" if wide_output else None


def _fully_connected(operation: Operation) -> str | None:
    if operation.options.get("shuffled_weights"):
        return " with weights that are not in the default format"
    return _one_dimension(operation)


def _softmax(operation: Operation) -> str | None:
    size = max(_first(operation.outputs), default=1)
    return f" over {size} values, more than {LARGEST_SOFTMAX}" if size > LARGEST_SOFTMAX else _one_dimension(operation)


def _no_batch(operation: Operation) -> str | None:
    return " over the batch" if 0 in operation.options.get("axes", ()) else None


def _mean(operation: Operation) -> str | None:
    shape = _first(operation.inputs)
    last = len(shape) - 1
    if shape and last in operation.options.get("axes", ()) and shape[last] % DEPTH_MULTIPLE:
        return f" over a depth of {shape[last]}, which is not a multiple of {DEPTH_MULTIPLE}"
    return _no_batch(operation)


def _pad(operation: Operation) -> str | None:
    padding = operation.options.get("padding", ())
    return " where it pads the batch" if padding and any(padding[0]) else None


def _prelu(operation: Operation) -> str | None:
    slopes = operation.options.get("slope_shape", ())
    return (
        f" with slopes of shape {tuple(slopes)}, not one per channel" if any(size > 1 for size in slopes[:-1]) else None
    )


def _strided_slice(operation: Operation) -> str | None:
    if operation.options.get("ellipsis_or_new_axis"):
        return " with an ellipsis or a new axis"
    strides = operation.options.get("strides", ())
    return f" with strides {tuple(strides)}" if any(stride != 1 for stride in strides) else None


def _concatenation(operation: Operation) -> str | None:
    constants = operation.options.get("constant_inputs", 0)
    if constants and (len(operation.inputs) + constants != 2 or not operation.options.get("constants_are_zero")):
        return " with a constant other than one all-zero input"
    return _no_fused(operation)


def _always(_operation: Operation) -> str | None:
    return None


MAPPED: Mapping[str, Limit] = {
    **dict.fromkeys(("ADD", "EXPAND_DIMS", "L2_NORMALIZATION", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL"), _always),
    **dict.fromkeys(("QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "SLICE", "SPACE_TO_DEPTH", "SUB", "TANH"), _always),
    **dict.fromkeys(("PACK", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SPLIT", "SQUEEZE"), _always),
    **dict.fromkeys(("TRANSPOSE", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM"), _always),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _no_fused),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _same_dilation),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN"), _no_batch),
    "CONCATENATION": _concatenation,
    "FULLY_CONNECTED": _fully_connected,
    "MEAN": _mean,
    "PAD": _pad,
    "PRELU": _prelu,
    "SOFTMAX": _softmax,
    "STRIDED_SLICE": _strided_slice,
}

# What the table leaves to the compiler; not RESHAPE, of which nearly every model has a small one that maps.
_BY_SIZE = {
    "RESIZE_BILINEAR": "Its sizes decide whether it maps.",
    "RESIZE_NEAREST_NEIGHBOR": "Its sizes decide whether it maps.",
    "TRANSPOSE_CONV": "Its sizes decide whether it maps (google-coral/edgetpu#686).",
    "TRANSPOSE": "It needs compiler 16 (google-coral/edgetpu#193).",
}
_INSTEAD = {
    "ELU": "Swap it for swish, hard_swish or relu6.",
    "HARD_SWISH": "Export with --hard-swish rewritten: MUL, ADD and MUL map.",
    "GELU": "Swap it for swish, whose LOGISTIC and MUL map.",
    "LEAKY_RELU": "Swap it for relu6, or for prelu, which maps with one slope per channel (google-coral/edgetpu#597).",
    "PRELU": "Write PReLU(shared_axes=[1, 2]).",
    "FULLY_CONNECTED": "Write a 1x1 convolution, or flatten before the dense layer.",
    "SOFTMAX": "Compute it in the app, or flatten before it.",
    "BATCH_MATMUL": "Use convolutions instead of attention.",
    **dict.fromkeys(("EXP", "LOG"), "Swap it for swish, hard_swish or relu6."),
    **dict.fromkeys(
        ("SQUARED_DIFFERENCE", "RSQRT"),
        "Use BatchNormalization instead: the converter folds it away.",
    ),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION"), "Put the activation before it."),
}


def judge(operation: Operation) -> Remark | None:
    """What is to be said against running `operation` on the Edge TPU; None if nothing is."""
    name = operation.name
    refused, issue = REFUSED_VERSIONS.get(name, (None, None))
    if refused is not None and operation.version is not None and operation.version >= refused:
        why = f"The compiler rejects {name} of version {refused} and newer (google-coral/edgetpu#{issue})."
        instead = "Write convolutions without groups." if name == "CONV_2D" else "Convert with an older TensorFlow."
        return Remark("blocks", why, instead, f"google-coral/edgetpu#{issue}", "model")
    crowded = [shape for shape in (*operation.inputs, *operation.outputs) if wide(shape) > MOST_DIMENSIONS]
    if crowded:
        why = f"A tensor of shape {crowded[0]} has more than {MOST_DIMENSIONS} dimensions above 1."
        return Remark("blocks", why, "Let only height, width and channels be above 1.", BASIS)
    reason = MAPPED.get(name, _unlisted)(operation)
    if reason:
        return Remark("blocks", f"It does not map{reason}.", _INSTEAD.get(name, ""), BASIS)
    return Remark("note", _BY_SIZE[name], "Ask edgetpu_compiler.", BASIS) if name in _BY_SIZE else None


def _unlisted(_operation: Operation) -> str:
    return ": it is not in the table"
