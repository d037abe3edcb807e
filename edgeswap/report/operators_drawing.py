"""The graph of a model: a row for each operator, coloured by where it runs, and lines to those that it reads from."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

from edgeswap.records import ExportReport
from edgeswap.report import wording as say
from edgeswap.tflite.operator_graph import OperatorNode

ROW, MIDDLE = 26, 11  # pixels from row to row, and from the top of one to its middle, as in style.css
MOST = 60  # pixels that a line stands out to the left of the rows
STEP = 7  # pixels by which a line that passes over one more row stands out farther


class Row(NamedTuple):
    """One operator.

    Attributes:
        kind: `int8`, `outside` or `float`; decides the colour.
        operator: its name.
        about: layer, type and shape.
        where: what the colour says, in words; empty for the usual.
    """

    kind: str
    operator: str
    about: str
    where: str


def rows(report: ExportReport, operators: Sequence[OperatorNode]) -> list[Row]:
    """What stands in each row."""
    target = next((target for target in report.targets if target.int8.outside_delegate is not None), None)
    outside = {} if target is None else {one.tensor: one.reason for one in target.int8.outside_delegate or ()}
    found = []
    for one in operators:
        kind, where = ("float", "float") if one.is_float else ("int8", "")
        if one.tensor in outside and target is not None:
            kind, where = "outside", f"outside of {target.delegate} on {say.label(report, target)}"
        shape = "x".join(map(str, one.shape[1:])) or "1"
        found.append(Row(kind, one.operator, f"{one.layer}, {one.dtype} {shape}", where))
    return found


def lines(operators: Sequence[OperatorNode]) -> str:
    """The lines as an `<svg>`: straight to the next row, else an arc to the left, wider the farther it goes."""
    pairs = [(source, number) for number, one in enumerate(operators) for source in one.reads]
    reaches = [min(MOST, STEP * (number - source - 1)) for source, number in pairs]
    width = max(reaches, default=0) + 4
    paths = []
    for (source, number), reach in zip(pairs, reaches, strict=True):
        start, end = ROW * source + MIDDLE, ROW * number + MIDDLE
        handle = width - 1 - reach * 4 / 3  # a cubic curve goes three quarters of the way to its handles
        paths.append(f"M{width - 1} {start}C{handle:g} {start} {handle:g} {end} {width - 1} {end}")
    label = html.escape(f"Lines between the {len(operators)} operators, from each to those that read from it")
    height = ROW * len(operators)
    drawn = f'<path d="{"".join(paths)}" fill="none" stroke="var(--muted)"/>'
    return f'<svg role="img" aria-label="{label}" width="{width}" height="{height}">{drawn}</svg>'
