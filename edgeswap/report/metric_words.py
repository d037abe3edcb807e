"""How a metric's name, values and differences are written, whatever the task."""

from __future__ import annotations

from edgeswap.records import Comparison, OutputFidelity, Quality, Unit
from edgeswap.report import numbers
from edgeswap.tasks.titles import title


def value(found: float | None, unit: Unit) -> str:
    """0.974 as `97.4 %` where it is a share, else `0.974`, `35.1 dB`."""
    if found is None:
        return "-"
    return numbers.percent(found) if unit == "share" else f"{_plain(found)}{_unit(unit)}"


def interval(ends: tuple[float, float] | None, unit: Unit) -> str:
    """(0.957, 0.985) as `95.7 to 98.5 %`."""
    if ends is None:
        return "-"
    if unit == "share":
        return numbers.percent_interval(ends)
    return f"{_plain(ends[0])} to {_plain(ends[1])}{_unit(unit)}"


def of(quality: Quality | None) -> str:
    """The value of a model."""
    return "-" if quality is None else value(quality.value, quality.unit)


def interval_of(quality: Quality | None) -> str:
    """Its interval."""
    return "-" if quality is None else interval(quality.ci95, quality.unit)


def named(quality: Quality) -> str:
    """The metric with its value: `99.1 % top-1`, but `mean absolute error 2.05`."""
    called = title(quality.metric)
    return f"{of(quality)} {called}" if quality.unit == "share" else f"{called} {of(quality)}"


def same_decisions(task: str, share: float) -> str:
    """On what part two models decide the same: `the same class on 99.1 %`."""
    if task == "segmentation":
        return f"the same class at {numbers.percent(share)} of the places"
    if task == "multilabel":
        return f"the same yes or no for {numbers.percent(share)} of the classes"
    return f"the same class on {numbers.percent(share)}"


def decisions_of(baseline: str, task: str, share: float, samples: int) -> str:
    """Without labels: `the class of the float32 model on 99.1 % of 540 samples`."""
    counted, told = f"{numbers.percent(share)} of", numbers.plural(samples, "sample")
    if task == "segmentation":
        return f"the class of {baseline} at {counted} the places of {told}"
    if task == "multilabel":
        return f"the yes or no of {baseline} for {counted} the classes of {told}"
    return f"the class of {baseline} on {counted} {told}"


def change_word(comparison: Comparison, *, higher_is_better: bool) -> str:
    """What the change is called: of an error, a lower value is no drop."""
    assert comparison.drop is not None
    if comparison.unit == "share" and higher_is_better:
        return numbers.drop_or_gain(comparison.drop)
    return "worse by" if comparison.drop >= 0 else "better by"


def change(comparison: Comparison) -> tuple[str, str]:
    """The size of the drop or gain, and its interval, which has the same sign."""
    assert comparison.drop is not None
    ends = comparison.drop_ci95
    if ends is not None and comparison.drop < 0:
        ends = (-ends[1], -ends[0])
    size = difference(abs(comparison.drop), comparison.unit)
    if comparison.unit == "share":
        return size, numbers.points_interval(ends)
    return size, "-" if ends is None else f"{_plain(ends[0])} to {_plain(ends[1])}"


def difference(size: float, unit: Unit) -> str:
    """`0.37 points` of a share, else `0.0021` or `0.4 dB`."""
    return f"{numbers.number_of_points(size)} points" if unit == "share" else f"{_plain(size)}{_unit(unit)}"


def short_difference(size: float, unit: Unit) -> str:
    """The same for a table's cell, whose header says what it is."""
    return numbers.number_of_points(size) if unit == "share" else _plain(size)


def worst_output(comparison: Comparison) -> OutputFidelity | None:
    """The output with the lowest signal-to-noise ratio; None where none differs."""
    differ = [output for output in comparison.outputs if output.snr_db is not None]
    return min(differ, key=lambda output: output.snr_db or 0.0, default=None)


def fidelity(output: OutputFidelity) -> str:
    """How near one output is to float32's, in a phrase."""
    if output.snr_db is None:
        return f"{output.name} {'equal' if output.max_steps == 0 else 'without a signal'}"
    parts = [f"{output.name} {_plain(output.snr_db)}{numbers.NBSP}dB"]
    if output.max_steps is not None and output.mean_steps is not None:
        parts.append(
            f"off by {_plain(output.mean_steps)} int8 steps in the mean and {_plain(output.max_steps)} at most"
        )
    return ", ".join(parts)


def _plain(number: float) -> str:
    """Three significant digits with the sign, and never `-0`."""
    return "0" if number == 0 else ("-" if number < 0 else "") + numbers.three_digits(abs(number))


def _unit(unit: Unit) -> str:
    return f"{numbers.NBSP}dB" if unit == "dB" else ""
