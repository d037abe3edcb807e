"""What to write instead of an operator that the converter left in float: each operator has a cause of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_UNROLL = "Build the recurrent layer with unroll=True, or write Conv1D layers."
_FLAT = "Use layers over two dimensions; fold the third into the channels or the batch."
_ACTIVATION = "Swap the layer's activation for one that `edgeswap activations` lists, such as relu6."
_ARITHMETIC = (
    "Write the layer from products and sums, or swap in an activation that `edgeswap activations` lists, such as relu6."
)
_TYPES = "An int8 model holds no numbers of another type: look up embeddings and convert types in the app."
_SUMS = "Write the sums as a Dense layer without bias whose kernel is np.triu(np.ones((n, n))), over the last axis."
_NORMALIZE = "Use BatchNormalization instead: the converter folds it away."

INSTEAD: Mapping[str, str] = {
    "ELU": "Write each ELU as an activation or a layer of its own: `edgeswap export --int8` makes such a one an int8 "
    "operator, but not several inside of one layer; or swap relu6 or swish in.",
    **dict.fromkeys(("WHILE", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_LSTM", "RNN", "LSTM"), _UNROLL),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _UNROLL,
    **dict.fromkeys(("CONV_3D", "CONV_3D_TRANSPOSE"), _FLAT),
    **dict.fromkeys(("CAST", "GATHER", "GATHER_ND", "EMBEDDING_LOOKUP", "ONE_HOT"), _TYPES),
    **dict.fromkeys(("GELU", "EXP", "LOG", "SELECT", "SELECT_V2", "PRELU", "LEAKY_RELU", "HARD_SWISH"), _ACTIVATION),
    **dict.fromkeys(("COS", "SIN", "FLOOR", "CEIL", "ROUND", "SIGN", "NEG", "SQUARE", "POW"), _ARITHMETIC),
    "CUMSUM": _SUMS,
    **dict.fromkeys(("RSQRT", "SQUARED_DIFFERENCE"), _NORMALIZE),
}


def instead_of(operators: Collection[str]) -> str:
    """One or more sentences for float operators, each remedy once.

    Args:
        operators: builtin names, such as `WHILE`, of those that compute. A loop stands for all that is in it.
    """
    if "WHILE" in operators:
        return _UNROLL
    known = dict.fromkeys(INSTEAD[name] for name in sorted(operators) if name in INSTEAD)
    unknown = sorted(name for name in operators if name not in INSTEAD)
    if unknown and not known:
        return f"Write the layer without {', '.join(unknown)}, see `edgeswap check` of the Keras model, or report it."
    return " ".join(known)
