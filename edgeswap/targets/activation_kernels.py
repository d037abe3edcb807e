"""What the activations of an int8 model became on a target: a clamp of another operator, a table, or several passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgeswap.records import ActivationKernel
from edgeswap.tflite.calls import NOTHING_KNOWN, calls
from edgeswap.tflite.flatbuffer import read
from edgeswap.tflite.pointwise import Function, Step, functions

# One of these alone is arithmetic of the model, and no activation.
ARITHMETIC = frozenset({"ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "QUANTIZE", "SUB"})
# XNNPACK's int8 kernels of these look up a table of 256 entries (ai-edge-litert 2.3).
XNNPACK_TABLES = frozenset({"ELU", "LOGISTIC", "TANH"})
# So do TFLite's own kernels of these.
OWN_TABLES = frozenset({"ELU", "EXP", "GELU", "LOG"})
# XNNPACK makes one table of operators that follow each other, up to so many: `fuse_unary_quantized_into_lut` in its
# src/subgraph.c. A test holds this against what the runtime's own profiler names.
MOST_IN_A_TABLE = 10
TABLES_SINCE = (2, 3)  # of ai-edge-litert; whether an older one does it was not tried
RUNTIME = "ai-edge-litert"


def activation_kernels(
    model: Path,
    left: Sequence[Mapping[str, str]] | None,
    *,
    delegate: str,
    runtime: Mapping[str, str],
    layers: Mapping[str, str] = NOTHING_KNOWN,
) -> list[ActivationKernel] | None:
    """Each kind of activation of `model`, with how often its values are read and written for it.

    Args:
        model: a `.tflite` file.
        left: what the delegate did not take, as the device script answers; None without a delegate.
        delegate: as `--delegate` names it.
        runtime: `name` and `version` of the package.
        layers: see `edgeswap.targets.measure.measure`.

    Returns:
        None where it is not known what the delegate makes of its operators: of the Edge TPU, of a library, of a
        runtime that was not tried, and where the script does not tell what XNNPACK took.

    Raises:
        ModelError: it is no `.tflite` that can be read.
    """
    in_xnnpack = delegate == "xnnpack" and runtime["name"] == RUNTIME
    if delegate not in ("xnnpack", "none"):
        return None
    if in_xnnpack and (left is None or _version(runtime["version"]) < TABLES_SINCE):
        return None
    file = read(model.read_bytes())
    outside = {one["tensor"] for one in left or ()}
    found: dict[tuple[str, tuple[str, ...], int], list[str]] = {}
    for function in functions(file, layers):
        names = tuple(step.operator for step in function.steps)
        if len(names) == 1 and names[0] in ARITHMETIC:
            continue
        pieces = list(_pieces(function, outside)) if in_xnnpack else [[step] for step in function.steps]
        where = function.layer or function.steps[-1].tensor
        found.setdefault((_form(pieces, outside, in_xnnpack=in_xnnpack), names, len(pieces)), []).append(where)
    for call in calls(file, layers):
        if "fused" in call.operation.options and "INT8" in call.dtypes:
            key = ("fused", (str(call.operation.options["fused"]),), 0)
            where = call.layer or call.written[0]
            found.setdefault(key, []).append(where)
    return [
        ActivationKernel(form=form, operators=list(names), passes=passes, layers=places)
        for (form, names, passes), places in found.items()
    ]


def _form(pieces: Sequence[Sequence[Step]], outside: set[str], *, in_xnnpack: bool) -> str:
    if len(pieces) > 1:
        return "chain"
    (piece,) = pieces
    if len(piece) > 1:
        return "table"
    (step,) = piece
    own = not in_xnnpack or step.tensor in outside
    return "table" if step.operator in (OWN_TABLES if own else XNNPACK_TABLES) else "operator"


def _pieces(function: Function, outside: set[str]) -> Iterator[list[Step]]:
    """The steps as XNNPACK runs them: what it makes one table of stands together, all else alone."""
    readers: dict[int, list[Step]] = {}
    for step in function.steps:
        for tensor in set(step.reads):
            readers.setdefault(tensor, []).append(step)
    taken: set[int] = set()
    for first in function.steps:
        if first.writes in taken:
            continue
        piece, known = [first], {*first.reads, first.writes}
        begins = len(first.reads) == 1 and _fits(first, outside)
        while begins and len(piece) < MOST_IN_A_TABLE:
            after = readers.get(piece[-1].writes, [])
            if len(after) != 1 or not _fits(after[0], outside) or not known.issuperset(after[0].reads):
                break
            piece.append(after[0])
            known.add(after[0].writes)
        taken |= {step.writes for step in piece}
        yield piece


def _fits(step: Step, outside: set[str]) -> bool:
    return step.scalars and step.tensor not in outside


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
