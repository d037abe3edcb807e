"""The report on a terminal: verdict, figures, what was done, where the files are. Made for 80 columns and no colour.

All text is ASCII but for names of the user's own, so that it prints in any locale.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from edgeswap.errors import shortened
from edgeswap.records import ExportReport
from edgeswap.report import ladder_wording as ladder
from edgeswap.report import quantization_wording as quantized
from edgeswap.report import task_words as told
from edgeswap.report import training_wording as training
from edgeswap.report import wording as say
from edgeswap.report.terminal_tables import Item, how_measured, said_of_limits, said_of_targets, show


def render(report: ExportReport, console: Console, *, folder: str | None = None) -> None:
    """Print the report.

    Args:
        report: what was measured.
        console: where to print; its width is kept to.
        folder: the output folder, named where the files are listed.
    """
    report = say.printable(report)
    style = "bold green" if report.limits else "bold"
    if say.has_large_drop(report):
        style = "bold yellow"
    if not report.passed:
        style = "bold red"
    show(report, (say.verdict(report), style), _items(report, folder), console)


def _items(report: ExportReport, folder: str | None) -> Iterator[Item]:
    """Label, text and style of each paragraph below the figures."""
    quality = (
        ("quality", say.significance(report)),
        ("quality", say.control(report)),
        ("outputs", say.outputs(report)),
        ("metrics", told.metrics_of_outputs(report)),
        ("classes", told.lost_classes(report.comparison)),
    )
    yield from ((label, text, "") for label, text in quality if text)
    yield from said_of_limits(report)
    yield from said_of_targets(report)
    yield "task", f"{report.task.name}: {report.task.reason}", ""
    yield "swapped", say.swapped(report), ""
    for kept in say.kept(report):
        yield "kept", f"{len(kept.layers)} {kept.activation} ({shortened(kept.layers)}): {kept.reason}", ""
    if report.left_to_calibration:
        names = shortened(report.left_to_calibration)
        yield (
            "calibrated",
            f"edgeswap has no range rule for these layers, so the converter set their ranges: {names}",
            "",
        )
    yield from (("way", line, "") for line in ladder.lines(report))
    said = {
        "method": ladder.summary(report),
        "training": training.epochs(report),
        "ranges": quantized.ranges(report),
        "ends": quantized.ends(report),
        "inputs": quantized.normalized(report),
        "weights": quantized.weights(report),
        "dense": quantized.dense(report),
        "parity": quantized.parity(report),
    }
    yield from ((label, text, "") for label, text in said.items() if text)
    yield from how_measured(report)
    compiled = [npu.file for npu in report.npus] + ([report.edgetpu.file] if report.edgetpu else [])
    made = ["report.json", "report.html", *(["bundle.zip"] if report.precision == "int8" else [])]
    others = [other.model.file for other in report.compared]
    files = ", ".join((report.float32.file, report.int8.file, *others, *filter(None, compiled), *made))
    yield "files", f"in {folder}: {files}" if folder else files, ""
