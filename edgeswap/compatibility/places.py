"""Where an operator stands in a model, and how grave it is there that an accelerator leaves it to other kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeswap.compatibility.findings import Remark, Severity
from edgeswap.tflite.operator import Operation

# Beside these nothing weighs much, so that it may run elsewhere as well.
HEAVY = frozenset({
    "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL", "CONV_3D", "WHILE",
    "CONV_3D_TRANSPOSE", "UNIDIRECTIONAL_SEQUENCE_LSTM",
})  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where one operator stands.

    Attributes:
        heavy_before: it, or one that runs before it, is heavy.
        heavy_behind: it, or one that runs after it, is heavy.
        between: the accelerator runs an operator that leads to it, and one that it leads to.
    """

    heavy_before: bool
    heavy_behind: bool
    between: bool


def is_heavy(operation: Operation) -> bool:
    """Whether it weighs much; a product of rows with themselves, as in a layer normalization, does not."""
    return operation.name in HEAVY and not operation.is_of_rows


def places(heavy: Sequence[bool], reads: Sequence[Sequence[int]], taken: Sequence[bool]) -> list[Place]:
    """The place of each operator.

    Args:
        heavy: of operators in the order in which they run, see `is_heavy`.
        reads: for each the numbers of the operators before it that write what it reads.
        taken: whether the accelerator runs it.
    """
    count = len(heavy)
    before, behind = [False] * count, [False] * count
    for number, sources in enumerate(reads):
        before[number] = any(taken[source] or before[source] for source in sources)
    for number in reversed(range(count)):
        for source in reads[number]:
            behind[source] = behind[source] or taken[number] or behind[number]
    first = next((index for index in range(count) if heavy[index]), count)
    last = next((index for index in reversed(range(count)) if heavy[index]), -1)
    return [
        Place(index >= first, index <= last, before[index] and behind[index] and not taken[index])
        for index in range(count)
    ]


def against(remark: Remark, place: Place, *, one_piece: bool) -> tuple[Severity, str]:
    """How grave a table's remark is where the operator stands, and why, in words.

    At an end of the model, with nothing heavy at or beyond it, what runs elsewhere costs little. An accelerator that
    takes one piece takes the front, so that there only the tail is such an end.
    """
    why = f"{remark.why} {remark.cut}" if place.between and remark.cut else remark.why
    if remark.scope == "model" or remark.severity == "note":
        return remark.severity, why
    if remark.severity == "costs":
        return "costs" if place.heavy_before and place.heavy_behind else "note", why
    if place.heavy_behind:
        return "blocks", f"{why} It and everything after it run on the CPU." if one_piece else why
    return "costs", f"{why} It runs on the CPU, but no heavy operator follows."
