"""What `--method auto` tried, in words: a row for each rung, and what was taken and why."""

from __future__ import annotations

from edgeswap.records import ExportReport, Rung
from edgeswap.report import numbers

NAMES = {
    "ptq": "PTQ",
    "searched_ranges": "PTQ, searched ranges",
    "equalized": "channels equalized",
    "rounded": "weights rounded for the outputs",
    "qat": "QAT",
}
COLUMNS = ("way", "drop", "95 % interval", "agreement", "seconds", "outcome")
_REASONS = {
    "kept": "taken: keeps the budget",
    "best": "taken: the best",
    "over": "left: over the budget",
    "unsettled": "left: too few samples to tell",
}


def rows(report: ExportReport) -> list[tuple[str, ...]]:
    """A text for each of `COLUMNS`, for each rung in order."""
    return [
        (
            NAMES[rung.rung],
            _drop(rung, rung.drop),
            "" if rung.drop_ci95 is None else f"{rung.drop_ci95[0]:.2f} to {_drop(rung, rung.drop_ci95[1])}",
            "" if rung.agreement is None else numbers.percent(rung.agreement),
            f"{rung.seconds:.0f}",
            _REASONS[rung.reason],
        )
        for rung in report.ladder
    ]


def lines(report: ExportReport) -> list[str]:
    """One line for each rung."""
    return [
        f"{name}: drop {drop}{f' ({interval})' if interval else ''}"
        f"{f', agreement {agreement}' if agreement else ''}, {seconds}{numbers.NBSP}s; {outcome}"
        for name, drop, interval, agreement, seconds, outcome in rows(report)
    ]


def summary(report: ExportReport) -> str:
    """Which rung was taken and what that rests on; empty where a method was named."""
    if not report.ladder:
        return ""
    (taken,) = (rung for rung in report.ladder if rung.taken)
    left = len(report.ladder) - 1
    tried = f" after {numbers.plural(left, 'other way')}" if left else ""
    start = (
        f"--method auto took {NAMES[taken.rung]}{tried}. The drop there is {_drop(taken, taken.drop)}{_means(taken)}, "
        f"measured with the fake-quant model on {numbers.plural(taken.samples, 'held-out sample')}; the budget is "
        f"{_drop(taken, taken.budget)}."
    )
    if taken.kept:
        return start
    if taken.samples_needed is None:
        return f"{start} No way that was tried keeps the budget."
    return f"{start} About {taken.samples_needed:,} held-out samples would settle whether the budget is kept."


def _means(rung: Rung) -> str:
    """What decides, where it is not the metric of the labels."""
    return {
        "expected_drop": " of right answers, as expected from the float model's probabilities",
        "relative_error": " of the outputs' own size",
    }.get(rung.metric, f" of {rung.metric}")


def _drop(rung: Rung, value: float) -> str:
    if rung.metric == "relative_error":
        return f"{value:.1f}{numbers.NBSP}%"
    unit = {"share": "points", "dB": "dB"}.get(rung.unit or "", "")
    return f"{value:.2f}{numbers.NBSP}{unit}" if unit else f"{value:.3g}"
