"""What terminal and page say of operators that a delegate left to the runtime's own kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from edgeswap.errors import shortened
from edgeswap.records import OutsideOperator, TargetResult
from edgeswap.report import wording as say
from edgeswap.report.placed import placed


def outside(report: say.Report) -> list[str]:
    """For each target and reason the operators of the candidate, with their layers; targets that agree share a line."""
    return placed(report, _said)


def _said(target: TargetResult) -> Iterator[str]:
    by_reason: dict[tuple[str, str], list[OutsideOperator]] = {}
    for one in target.int8.outside_delegate or ():
        by_reason.setdefault((one.reason, one.remedy), []).append(one)
    for why, found in by_reason.items():
        yield f"{target.delegate} did not take {_listed(found)}. {' '.join(filter(None, why))}"


def _listed(found: Sequence[OutsideOperator]) -> str:
    """`2 HARD_SWISH (act1, act2), 1 SOFTMAX (probabilities)`: by layers, or by tensors where no layer is known."""
    counts = Counter(one.operator for one in found)
    places = {name: [one.layer or one.tensor for one in found if one.operator == name] for name in counts}
    return ", ".join(f"{count} {name} ({shortened(places[name])})" for name, count in counts.items())
