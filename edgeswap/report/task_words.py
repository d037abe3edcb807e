"""What the report says in the terms of the task: which classes lost, and what both models say of a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from edgeswap.records import ClassFigure, Comparison, Named, WorstSample
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers
from edgeswap.report import wording as say
from edgeswap.tasks.own_metric import SNR
from edgeswap.tasks.registry import task_named
from edgeswap.tasks.titles import title, unit

MOST_SPOKEN = 3
MOST_ROWS = 12
SMALLEST = 0.0005  # of a share: below, both values read the same


def by_loss(comparison: Comparison) -> list[ClassFigure]:
    """The classes, those that lost most first; the others stay in their order."""
    return sorted(comparison.per_class, key=lambda figure: -_lost(figure))


def shown_classes(comparison: Comparison) -> list[ClassFigure]:
    """The classes that lost, those that lost most first, at most `MOST_ROWS`."""
    first = by_loss(comparison)[:MOST_ROWS]
    return [figure for figure in first if _lost(figure) >= SMALLEST]


def lost_classes(comparison: Comparison | None) -> str:
    """The few classes that lost most, in a sentence; empty where none lost."""
    if comparison is None or comparison.class_metric is None:
        return ""
    worst = [figure for figure in by_loss(comparison)[:MOST_SPOKEN] if _lost(figure) >= SMALLEST]
    if not worst:
        return ""
    each = ", ".join(
        f"{figure.class_} ({numbers.percent(figure.float32)} to {numbers.percent(figure.int8)})" for figure in worst
    )
    lost = sum(_lost(figure) >= SMALLEST for figure in comparison.per_class)
    of = f"{lost:,} of {len(comparison.per_class):,} classes"
    called = title(comparison.class_metric)
    return f"{called[0].upper()}{called[1:]} is lower for {of}, most for {each}."


def other_metrics(report: say.Report) -> list[tuple[str, str, str]]:
    """The metrics beside the one that models are judged by: the name, and the values of both models."""
    qualities = [report.float32.quality, report.int8.quality]
    first, second = ({} if quality is None else quality.metrics for quality in qualities)
    primary = None if report.int8.quality is None else report.int8.quality.metric
    return [
        (title(name), metrics.value(first.get(name), unit(name)), metrics.value(second.get(name), unit(name)))
        for name in dict.fromkeys((*first, *second))
        if name != primary
    ]


def metrics_of_outputs(report: say.Report) -> str:
    """The metrics of outputs that have labels, where models are judged by how near their outputs are; else empty."""
    if report.comparison is None or report.comparison.metric != SNR:
        return ""
    baseline = say.baseline_name(report)
    return "; ".join(f"{name} {value} ({baseline} {first})" for name, first, value in other_metrics(report))


def class_difference(figure: ClassFigure) -> str:
    """int8 minus float32 in percentage points, with its sign."""
    if figure.float32 is None or figure.int8 is None:
        return "-"
    points = numbers.number_of_points(100 * (figure.int8 - figure.float32))
    return points if points.startswith("-") or points == "0.00" else f"+{points}"


def side_by_side(sample: WorstSample) -> list[tuple[str, str, str]]:
    """What both models say of a sample by name: `("points[0]", "0.22", "0.228")`, nothing where one does not name it.

    A name that stands there several times, such as the class of two boxes, has as many rows.
    """
    float32, int8 = (dict(_numbered(one)) for one in (sample.float32, sample.int8))
    names = dict.fromkeys([*float32, *int8])
    return [(key[0], _of(float32, key), _of(int8, key)) for key in names]


def _of(said: Mapping[tuple[str, int], float | None], key: tuple[str, int]) -> str:
    return metrics.value(said[key], "none") if key in said else ""


def _numbered(said: Sequence[Named]) -> Iterator[tuple[tuple[str, int], float | None]]:
    """Each value by its name, and which of this name it is."""
    seen = Counter[str]()
    for one in said:
        yield (one.name, seen[one.name]), one.value
        seen[one.name] += 1


def heading(sample: WorstSample) -> str:
    """`Sample 12, 8.1 dB`."""
    ratio = "" if sample.snr_db is None else f", {metrics.value(sample.snr_db, 'dB')}"
    return f"Sample{numbers.NBSP}{sample.index:,}{ratio}"


def worst_samples(report: say.Report) -> str:
    """What the list of worst samples shows."""
    assert report.comparison is not None
    assert report.task is not None
    count = len(report.comparison.worst_samples)
    of = "The test sample whose outputs differ" if count == 1 else f"The {count} test samples whose outputs differ"
    return (
        f"{of} most between {say.baseline_name(report)} and {say.candidate_name(report)}, the worst first. The ratio "
        f"is that of a mean sample to this difference. Given are {task_named(report.task.name).says}."
    )


def flipped(report: say.Report) -> str:
    """What the list of flipped samples shows: how many there are, and which of them stand there."""
    comparison, quality = report.comparison, report.int8.quality
    assert comparison is not None
    assert quality is not None
    baseline, candidate = say.baseline_name(report), say.candidate_name(report)
    shown = len(comparison.flipped)
    if comparison.lost is None:
        which = "Here is 1 of them" if shown == 1 else f"Here are {shown} of them"
        return f"{candidate} answers some samples otherwise than {baseline}. {which}, the largest difference first."
    told = (
        f"Of {numbers.plural(quality.samples, 'test sample')}, {baseline} has {comparison.lost:,} right that "
        f"{candidate} has wrong, and {candidate} has {comparison.gained:,} right that {baseline} has wrong."
    )
    if not shown:
        return told
    which = "The lost one" if comparison.lost == 1 else f"The {comparison.lost:,} lost ones"
    if comparison.lost > shown:
        which = f"{shown} of the {comparison.lost:,} lost ones, with the largest difference first,"
    return f"{told} {which} {'stands' if comparison.lost == 1 else 'stand'} below."


def _lost(figure: ClassFigure) -> float:
    return 0.0 if figure.float32 is None or figure.int8 is None else figure.float32 - figure.int8
