"""What terminal, page and verdict say of a limit: the measured value, and of a delegate what it left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from edgeswap.errors import shortened
from edgeswap.records import BenchReport, ExportReport, Limit, OutsideOperator
from edgeswap.report import numbers


def limit_text(limit: Limit, report: ExportReport | BenchReport) -> str:
    """The measured value and the limit, with enough digits to tell two close numbers apart."""
    if limit.name in ("max_size", "max_arena"):
        return f"{limit.value:,.0f} bytes, limit {limit.limit:,.0f}"
    if limit.name == "require_delegate":
        name, most = _most_left(report)
        left = shortened([*_counted(most)])
        count = numbers.plural(int(limit.value), "operator")
        where = f" in {name}" if name and most else ""
        return f"{count} outside of the delegate{where}, limit {limit.limit:g}{f': {left}' if left else ''}"
    shown, comparison = f"{limit.value:.4g}", report.comparison
    if limit.name == "max_drop" and comparison is not None and comparison.unit != "share":
        percent = comparison.drop is None and comparison.agreement is None
        return f"{shown}{numbers.NBSP + '%' if percent else ''}, limit {limit.limit:g}"
    unit = {"max_drop": "point" if shown == "1" else "points", "max_latency_ms": "ms"}[limit.name]
    return f"{shown}{numbers.NBSP}{unit}, limit {limit.limit:g}"


def _most_left(report: ExportReport | BenchReport) -> tuple[str, list[OutsideOperator]]:
    """What the candidate and target with the most leave outside; the candidate's name where there are several."""
    found = [("", report.targets)]
    if isinstance(report, BenchReport) and len(report.candidates) > 1:
        found = [(one.name, one.targets) for one in report.candidates]
    left = [(name, target.int8.outside_delegate or []) for name, targets in found for target in targets]
    return max(left, key=lambda one: len(one[1]), default=("", []))


def _counted(left: Sequence[OutsideOperator]) -> Iterator[str]:
    """`2 QUANTIZE (XNNPACK has no QUANTIZE between uint8 and int8)`."""
    for (operator, reason), count in Counter((one.operator, one.reason) for one in left).items():
        yield f"{count} {operator} ({reason.removesuffix('.')})"
