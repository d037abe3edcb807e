"""What a multi-head attention makes its query, its key and its value of."""

from __future__ import annotations

from edgeswap.graph.ir import Node, Ref

PARTS = ("query", "key", "value")  # in the order of their weights


def attention_parts(call: Node) -> dict[str, Ref]:
    """The tensor of each part of a call of a MultiHeadAttention; as in Keras the key is the value if none is given."""
    given = dict(zip(("query", "value", "key"), call.args, strict=False)) | dict(call.kwargs)
    return {part: given["value"] if given.get(part) is None else given[part] for part in PARTS}
