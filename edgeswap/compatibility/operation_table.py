"""The table behind `predicted_operators` for bare operations between layers, read off conversions as that of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from edgeswap.compatibility.operator_table import IN_THE_APP, Lowered, island, refused
from edgeswap.compatibility.remedies import SWAP, Way
from edgeswap.graph.ir import Layer

_GELU = Way("if it is part of a gelu, write that as an activation of its own: {}", ("gelu", "swish"))
_SORT = Way("use keras.ops.top_k of all values, which sorts downwards", operators=("TOPK_V2",))
_EXP = Way("write keras.ops.exp of 0.6931 x", operators=("EXP",))
_LOG = Way("write keras.ops.log(keras.ops.sigmoid(x))", operators=("LOGISTIC", "LOG"))
_WITHOUT_NAN = "Leave it out: int8 holds no NaN and no infinity."
_CUMSUM = (
    "Write it as a Dense layer without bias whose kernel is np.triu(np.ones((n, n))) for the n values of its axis; "
    "Dense works along the last axis, so put a Permute before and after it for another one."
)
_UNARY = {
    "exp": "EXP", "absolute": "ABS", "abs": "ABS", "sqrt": "SQRT", "rsqrt": "RSQRT", "log": "LOG", "sum": "SUM",
    "reduce_sum": "SUM", "transpose": "TRANSPOSE", "swapaxes": "TRANSPOSE", "reshape": "RESHAPE", "max": "REDUCE_MAX",
    "reduce_max": "REDUCE_MAX", "min": "REDUCE_MIN", "reduce_min": "REDUCE_MIN", "prod": "REDUCE_PROD",
    "reduce_prod": "REDUCE_PROD", "split": "SPLIT", "get_item": "STRIDED_SLICE", "getitem": "STRIDED_SLICE",
    "stack": "PACK", "maximum": "MAXIMUM", "minimum": "MINIMUM", "tile": "TILE", "pad": "PAD", "flip": "REVERSE_V2",
    "reverse": "REVERSE_V2", "log_softmax": "LOG_SOFTMAX", "matmul": "BATCH_MATMUL", "greater": "GREATER",
    "where": "SELECT", "average_pool": "AVERAGE_POOL_2D", "avg_pool": "AVERAGE_POOL_2D", "max_pool": "MAX_POOL_2D",
    "depth_to_space": "DEPTH_TO_SPACE", "mean": "MEAN", "reduce_mean": "MEAN", "add": "ADD", "subtract": "SUB",
    "multiply": "MUL", "divide": "DIV",
}  # fmt: skip

_POWERS: Mapping[float, tuple[str, ...]] = {1: (), 2: ("MUL",), 0.5: ("SQRT",), -0.5: ("RSQRT",)}


def _power(layer: Layer, _inputs: int) -> Lowered | None:
    """By the exponent: the converter knows some as other operators."""
    given = [*layer.config["arguments"], *layer.config["keywords"].values()][1:2]
    if given and isinstance(given[0], (int, float)) and given[0] in _POWERS:
        return Lowered(_POWERS[given[0]])
    return island("POW", "Write a whole power as products of the tensor with itself, as Multiply()([x, x]).")


def _cast(layer: Layer, _inputs: int) -> Lowered | None:
    """To another type than float; of one to float the type that it comes from decides, which no layer tells."""
    source = layer.config["source"]
    found = source.get("config", {}).get("dtype") or layer.config["keywords"].get("dtype")
    plain = isinstance(found, str) and not found.startswith(("float", "bfloat"))
    return island("CAST", IN_THE_APP) if plain else None


CONDITIONS = frozenset({
    "all", "any", "equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal",
    "logical_and", "logical_not", "logical_or", "not_equal",
})  # fmt: skip
OF_A_CONDITION = island("CAST", "Use keras.ops.where, which chooses values without turning a condition into numbers.")


# Bare operations between layers, by `edgeswap.graph.operations.operation_name`.
OPERATIONS: Mapping[str, Lowered | Callable[[Layer, int], Lowered | None]] = {
    **{name: Lowered((operator,)) for name, operator in _UNARY.items()},
    **dict.fromkeys(("squeeze", "expand_dims"), Lowered(("RESHAPE",))),
    **dict.fromkeys(("clip", "clip_by_value"), Lowered(("MINIMUM", "MAXIMUM"))),
    "unstack": Lowered(("UNPACK",)),
    **dict.fromkeys(("gather", "take"), Lowered(("GATHER",))),
    "space_to_depth": Lowered(("SPACE_TO_DEPTH",)),
    "l2_normalize": Lowered(("L2_NORMALIZATION",)),
    "avg_pool2d": Lowered(("AVERAGE_POOL_2D",)),
    "max_pool2d": Lowered(("MAX_POOL_2D",)),
    "slice": Lowered(("SLICE",)),
    "reduce_variance": Lowered(("MEAN", "SQUARED_DIFFERENCE", "MEAN")),
    "reduce_std": Lowered(("MEAN", "SQUARED_DIFFERENCE", "MEAN", "SQRT")),
    "roll": Lowered(("SLICE", "SLICE", "CONCATENATION")),
    "repeat": Lowered(("RESHAPE", "TILE", "RESHAPE")),
    "var": Lowered(("MEAN", "SQUARED_DIFFERENCE", "MEAN")),
    "std": Lowered(("MEAN", "SQUARED_DIFFERENCE", "MEAN", "SQRT")),
    "expm1": Lowered(("EXP", "SUB")),
    "square": island("SQUARE", "Write the product of the tensor with itself, as Multiply()([x, x])."),
    **{name: island(name.upper(), "Write it from products and sums.") for name in ("sin", "cos", "floor", "sign")},
    "round": island("ROUND", IN_THE_APP),
    "negative": island("NEG", "Write the product with -1."),
    "neg": island("NEG", "Write the product with -1."),
    "ceil": island("CEIL", IN_THE_APP),
    "cumsum": island("CUMSUM", _CUMSUM),
    **dict.fromkeys(("mod", "floormod", "floor_mod"), island("FLOOR_MOD", IN_THE_APP)),
    **dict.fromkeys(("floor_divide", "floordiv"), island("FLOOR_DIV", IN_THE_APP)),
    **dict.fromkeys(("arctan2", "atan2"), island("ATAN2", IN_THE_APP)),
    **dict.fromkeys(("power", "pow"), _power),
    "cast": _cast,
    "equal": Lowered(("EQUAL",)),
    "not_equal": island("NOT_EQUAL", "Write keras.ops.equal and exchange the two values that where chooses from."),
    **dict.fromkeys(("isnan", "is_nan"), island("NOT_EQUAL", _WITHOUT_NAN)),
    **{
        name: refused(operator, IN_THE_APP)
        for name, operator in {
            "cumprod": "Cumprod",
            "tan": "Tan",
            "arcsin": "Asin",
            "asin": "Asin",
            "arccos": "Acos",
            "acos": "Acos",
            "sinh": "Sinh",
            "cosh": "Cosh",
            "arctanh": "Atanh",
            "atanh": "Atanh",
            "arcsinh": "Asinh",
            "asinh": "Asinh",
            "arccosh": "Acosh",
            "acosh": "Acosh",
            "erfinv": "Erfinv",
        }.items()
    },
    "erf": refused("Erf", IN_THE_APP, _GELU),
    "arctan": refused("Atan", IN_THE_APP, Way(SWAP, ("tanh",))),
    "argmax": Lowered(("ARG_MAX",)),
    "argmin": Lowered(("ARG_MIN",)),
}

# Those that Keras 3 computes otherwise than the operation of TensorFlow of that name. Its argmax tells -0 from 0.
KERAS_OPERATIONS: Mapping[str, Lowered | Callable[[Layer, int], Lowered | None]] = {
    **dict.fromkeys(("argmax", "argmin"), refused("BitwiseAnd", IN_THE_APP)),
    "sort": replace(island("NEG", IN_THE_APP, "TOPK_V2", "NEG"), ways=(_SORT,)),
    "argsort": island("NEG", IN_THE_APP, "TOPK_V2"),
    "trunc": island("CEIL", IN_THE_APP, "FLOOR", "LESS", "SELECT"),
    "exp2": replace(island("POW", IN_THE_APP), ways=(_EXP,)),
    "log_sigmoid": replace(island("NEG", IN_THE_APP, "EXP", "ADD", "LOG"), ways=(_LOG,)),
    "squareplus": island("SQUARE", "Swap it for softplus or relu6.", "ADD", "SQRT", "ADD", "MUL"),
    "sparsemax": island("CUMSUM", "Write Softmax."),
    "layer_norm": island("NEG", "Write a LayerNormalization layer."),
    "rmsnorm": island("SQUARE", "Write BatchNormalization, which the converter folds away."),
    "logaddexp": island("NEG", IN_THE_APP),
    "hypot": island("SQUARE", IN_THE_APP),
    "nan_to_num": island("NOT_EQUAL", _WITHOUT_NAN),
    "digitize": island("BUCKETIZE", IN_THE_APP),
    "count_nonzero": island("CAST", IN_THE_APP),
    "top_k": Lowered(("TOPK_V2",)),
    "log1p": Lowered(("ADD", "LOG")),
    **dict.fromkeys(("log2", "log10"), Lowered(("LOG", "MUL"))),
    "reciprocal": Lowered(("DIV",)),
    "normalize": island("SQUARE", "Write UnitNormalization, which has an int8 operator."),
}
