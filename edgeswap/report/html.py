"""The report as one HTML page that needs nothing beside it: styles and figures are inside, and it loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from edgeswap.data.mean_std import described
from edgeswap.records import ExportReport
from edgeswap.report import (
    activation_words,
    delegate_words,
    grid_plot,
    npus,
    numbers,
    operators_drawing,
    plots,
    ranges_plot,
    speed_words,
    task_plots,
    training_plot,
)
from edgeswap.report import grid_wording as grid
from edgeswap.report import ladder_wording as ladder
from edgeswap.report import metric_words as metrics
from edgeswap.report import quantization_wording as quantized
from edgeswap.report import task_words as told
from edgeswap.report import training_wording as training
from edgeswap.report import wording as say
from edgeswap.report.limit_words import limit_text
from edgeswap.report.terminal_tables import nearness, quality_columns
from edgeswap.tasks.titles import title
from edgeswap.tflite.operator_graph import OperatorNode


def render(
    report: ExportReport, pictures: Mapping[int, bytes] | None = None, operators: Sequence[OperatorNode] = ()
) -> str:
    """The page for `report`; what stands in its records comes out as text, never as markup.

    Args:
        report: what a run found.
        pictures: PNG or JPEG files of samples that the report names, by their number in the test samples.
        operators: of the candidate, in order.
    """
    rows = operators_drawing.rows(report, operators)
    report = say.printable(report)
    labelled = report.comparison.drop is not None
    return template("report.html.jinja").render(
        _essence(report),
        preprocess=described(report.data.preprocess),
        npus=npus,
        speed_words=speed_words,
        activation_words=activation_words,
        delegate_words=delegate_words,
        limit_text=limit_text,
        quantized=quantized,
        ladder=ladder,
        training=training,
        quality_plot=Markup(plots.quality_plot(report)) if labelled else None,
        told=told,
        ranges_plot=_drawn(ranges_plot.ranges_plot(report)),
        operators=[operators_drawing.Row(*map(say.printable_text, row)) for row in rows],
        operator_lines=Markup(operators_drawing.lines(operators)),
        layers_plot=_drawn(plots.layers_plot(report)),
        grid=grid,
        grid_plot=_drawn(grid_plot.grid_plot(report.parity.on_grid if report.parity else [])),
        training_plot=_drawn(training_plot.training_plot(report)),
        pictures={index: _data_url(image) for index, image in (pictures or {}).items()},
        roc_plot=_drawn(task_plots.roc_plot(report)),
        errors_plot=_drawn(task_plots.errors_plot(report)),
        predictions_plot=_drawn(task_plots.predictions_plot(report)),
        latency_plot=Markup(plots.latency_plot(report)) if plots.has_speed(report) else None,
    )


def render_cell(report: ExportReport, folder: Path | None) -> str:
    """The essence of `report` for the output of a notebook's cell: part of a page, with no style of its own."""
    report = say.printable(report)
    return template("cell.html.jinja").render(_essence(report), folder=None if folder is None else str(folder))


def _essence(report: ExportReport) -> dict[str, Any]:
    """What the page and the cell are both made of."""
    return {
        "report": report,
        "say": say,
        "numbers": numbers,
        "metrics": metrics,
        "title": title,
        "nearness": nearness,
        "near": quality_columns(report.comparison)[0],
        "word": _word(report),
        "labelled": report.comparison.drop is not None,
        "files": {"float32": report.float32, report.precision: report.int8},
    }


def _data_url(image: bytes) -> str:
    kind = "jpeg" if image.startswith(b"\xff\xd8") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _word(report: ExportReport) -> str:
    """What the change from float32 is called; empty without one."""
    quality = report.int8.quality
    if quality is None or report.comparison.drop is None:
        return ""
    return metrics.change_word(report.comparison, higher_is_better=quality.higher_is_better)


def _drawn(svg: str | None) -> Markup | None:
    return None if svg is None else Markup(svg)


def template(name: str) -> Template:
    """The template of that name in this folder; what it is given is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (Path(__file__).parent / "script.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # By its hash the page's policy allows this script alone: none that a name in a report might smuggle in.
    environment.globals |= {"script": Markup(script), "script_hash": f"sha256-{digest}"}
    return environment
