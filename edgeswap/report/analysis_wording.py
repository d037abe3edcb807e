"""What terminal and page say of an analysis, in the same words."""

from __future__ import annotations

from edgeswap.records import AnalyzeReport, Cost, LayerCost, Spread
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers
from edgeswap.tasks.titles import title


def summary(report: AnalyzeReport) -> str:
    """The first sentences: what all of int8 costs, and where most of it comes from."""
    on = f"on {numbers.plural(report.samples, 'sample')}"
    if report.all.snr_db is None:
        return f"All layers in int8 change nothing {on}."
    lost = ""
    if report.metric and report.all.drop is not None:
        lost = f" and cost {metrics.difference(report.all.drop, report.unit)} of {title(report.metric)}"
    text = f"All layers in int8 leave {decibels(report.all)} at the worst output{lost}, {on}."
    if report.layers and report.layers[0].only.snr_db is not None:
        first = report.layers[0]
        text += f" {first.layer} costs most: alone it leaves {decibels(first.only)}."
    return text


def causes(report: AnalyzeReport) -> list[LayerCost]:
    """The layers of which a cause is known, the worst first."""
    return [layer for layer in report.layers if layer.cause is not None]


def no_cause() -> str:
    """What is said where no rule applies."""
    return (
        "No layer has a range that explains a large cost. Where int8 as a whole costs too much, export with "
        "--method auto, which tries cheap ways first and at last trains all layers together."
    )


def decibels(cost: Cost) -> str:
    """The ratio as `31.2 dB`."""
    return ratio(cost.snr_db)


def ratio(snr_db: float | None) -> str:
    """A ratio as `31.2 dB`; `exact` where nothing differs."""
    return "exact" if snr_db is None else f"{snr_db:.1f}{numbers.NBSP}dB"


def drop(report: AnalyzeReport, cost: Cost) -> str:
    """The drop of the metric with its unit; `-` without labels."""
    return "-" if cost.drop is None else metrics.short_difference(cost.drop, report.unit)


def range_of(layer: LayerCost) -> str:
    """Both ends of the range."""
    return "-" if layer.range is None else f"{layer.range.low:.3g} to {layer.range.high:.3g}"


def wasted(layer: LayerCost) -> str:
    """The share of the range beyond the central 99.9 % of the values."""
    return "-" if layer.range is None else f"{100 * layer.range.wasted:.0f}{numbers.NBSP}%"


def unequal(channels: Spread | None) -> str:
    """The largest ratio of channel ranges with its channel, as `12x (channel 3)`."""
    if channels is None or channels.largest_ratio is None:
        return "-"
    return f"{channels.largest_ratio:.1f}x (channel {channels.worst[0]})"
