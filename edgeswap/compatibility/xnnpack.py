"""What LiteRT runs in int8 on a CPU: inside of its XNNPACK delegate, or by a kernel of its own outside of it.

Both sets were read off models that edgeswap converted (TensorFlow 2.21) and ai-edge-litert 2.3 loaded: an operator is
inside where no partition of the delegate ends at it.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgeswap.compatibility.findings import Remark
from edgeswap.tflite.operator import Operation

BASIS = "what was measured with ai-edge-litert 2.3 on x86-64"

INSIDE = frozenset({
    "ADD", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "ELU", "FULLY_CONNECTED",
    "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RESHAPE",
    "RESIZE_BILINEAR", "SLICE", "SPLIT", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV",
    "ASSIGN_VARIABLE", "READ_VARIABLE", "VAR_HANDLE",
})  # fmt: skip

OUTSIDE = frozenset({
    "ABS", "AVERAGE_POOL_2D", "BATCH_MATMUL", "DIV", "EQUAL", "EXP", "GELU", "GREATER", "HARD_SWISH",
    "L2_NORMALIZATION", "LOG", "LOG_SOFTMAX", "MAXIMUM", "MINIMUM", "PACK", "PRELU", "REDUCE_PROD", "RELU", "RELU6",
    "RELU_N1_TO_1", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "RSQRT", "SELECT", "SELECT_V2", "SOFTMAX", "SPLIT_V",
    "SQRT", "SQUARED_DIFFERENCE", "TILE", "TOPK_V2", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNPACK",
})  # fmt: skip

# Tensors; with six CONCATENATION was outside, with six SPLIT was.
MOST_PIECES: Mapping[str, int] = {"CONCATENATION": 5, "SPLIT": 4}

_CUT = "It cuts the delegate's graph in two."
_INSTEAD = {
    "QUANTIZE": "Export it with --io int8 or float32.",
    "SOFTMAX": "If it is the last layer, end the model in logits and compute the softmax in the app.",
    "HARD_SWISH": "Export with --hard-swish rewritten: MUL, ADD and MUL run inside; or swap it for swish.",
    "AVERAGE_POOL_2D": "If the window is the whole image, use GlobalAveragePooling2D (MEAN), which runs inside.",
    "RESIZE_NEAREST_NEIGHBOR": "Use interpolation='bilinear', which runs inside.",
    "PRELU": "If one slope is enough, swap it for leaky_relu, which runs inside.",
    "GELU": "Swap it for swish, whose LOGISTIC and MUL run inside.",
    "EXP": "Swap it for swish or clipped_elu, which run inside.",
    "LOG": "Swap it for swish or clipped_elu, which run inside.",
    **dict.fromkeys(
        ("RELU", "RELU6", "RELU_N1_TO_1"),
        "It is fused and costs nothing where the layer right before it is a convolution, a dense layer or an addition "
        "that nothing else reads.",
    ),
    **dict.fromkeys(
        ("SQUARED_DIFFERENCE", "RSQRT"),
        "Use BatchNormalization instead: the converter folds it away.",
    ),
}


def lacks(operation: Operation) -> str:
    """What the delegate does not have, in one sentence; empty where it runs `operation`, or nobody has measured it."""
    name = operation.name
    if _crowded(operation):
        return f"XNNPACK has int8 {name} of at most {MOST_PIECES[name]} tensors."
    if {*operation.options.get("types", ())} == {"UINT8", "INT8"}:
        return "XNNPACK has no QUANTIZE between uint8 and int8."
    return f"XNNPACK has no int8 {name}." if name in OUTSIDE else ""


def judge(operation: Operation) -> Remark | None:
    """What is to be said against running `operation` in int8 there; None if nothing is."""
    name = operation.name
    if lacking := lacks(operation):
        instead = _INSTEAD.get(name, "")
        if _crowded(operation):
            instead = f"Join or split at most {MOST_PIECES[name]} tensors at once."
        why = "It runs in int8, but outside the XNNPACK delegate."
        if name == "QUANTIZE":  # the delegate has others
            why = f"{lacking} It runs outside the delegate."
        return Remark("costs", why, instead, BASIS, cut=_CUT)
    if name in INSIDE:
        return None
    why = "Nobody has measured whether this runtime runs it in int8."
    return Remark("note", why, "Convert the model and measure it.", "not measured")


def _crowded(operation: Operation) -> bool:
    pieces = operation.options.get("pieces", max(len(operation.inputs), len(operation.outputs)))
    return bool(pieces > MOST_PIECES.get(operation.name, pieces))
