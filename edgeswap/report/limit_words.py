"""What terminal, page and verdict say of a limit: the measured value, and of a delegate what it left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edgeswap.errors import shortened
from edgeswap.records import BenchReport, ExportReport, Limit, OutsideOperator
from edgeswap.report import numbers


def limit_text(limit: Limit, report: ExportReport | BenchReport) -> str:
    """The measured value and the limit, with enough digits to tell two close numbers apart."""
    if limit.name in ("max_size", "max_arena"):
        return f"{limit.value:,.0f} bytes, limit {limit.limit:,.0f}"
    if limit.name == "require_delegate":
        left = shortened([*_left(report)])
        count = numbers.plural(int(limit.value), "operator")
        return f"{count} outside of the delegate, limit {limit.limit:g}{f': {left}' if left else ''}"
    shown, comparison = f"{limit.value:.4g}", report.comparison
    if limit.name == "max_drop" and comparison is not None and comparison.unit != "share":
        percent = comparison.drop is None and comparison.agreement is None
        return f"{shown}{numbers.NBSP + '%' if percent else ''}, limit {limit.limit:g}"
    unit = {"max_drop": "point" if shown == "1" else "points", "max_latency_ms": "ms"}[limit.name]
    return f"{shown}{numbers.NBSP}{unit}, limit {limit.limit:g}"


def _left(report: ExportReport | BenchReport) -> Iterator[str]:
    """`2 QUANTIZE (XNNPACK has no QUANTIZE between uint8 and int8)`, of the candidate and target with the most."""
    targets = report.targets
    if isinstance(report, BenchReport) and report.candidates:
        targets = [one for each in report.candidates for one in each.targets]
    most: list[OutsideOperator] = max((one.int8.outside_delegate or [] for one in targets), key=len, default=[])
    for (operator, reason), count in Counter((one.operator, one.reason) for one in most).items():
        yield f"{count} {operator} ({reason.removesuffix('.')})"
