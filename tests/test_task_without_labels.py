"""What `check` tells of the task of a model, before there are labels."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from signatures import signature
from tiny_tflite import halver

from edgeswap.compatibility.findings import CheckReport
from edgeswap.compatibility.task_without_labels import task_without_labels
from edgeswap.compatibility.tflite_findings import check_everywhere
from edgeswap.report import checked as rendering
from edgeswap.targets.names import backend_of
from edgeswap.tasks.outputs import ModelOutput, Signature

TWO = Signature({"image": (32, 32, 3)}, (ModelOutput("box", (4,), "linear"), ModelOutput("kind", (3,), "softmax")))


@pytest.mark.parametrize(
    ("model", "task", "metric", "needs", "others"),
    [
        (signature((1,), "sigmoid"), "binary", "accuracy", 1, ["regression"]),
        (signature((10,), "softmax"), "classification", "top1", 1, []),
        (signature((32, 32, 5), "softmax"), "segmentation", "miou", 1, []),
        (signature((4,)), "outputs", "snr_db", 0, ["classification", "regression"]),
        (signature((1,)), "outputs", "snr_db", 0, ["binary", "regression"]),
        (TWO, "outputs", "snr_db", 0, ["detection"]),
        (signature((100, 6)), "outputs", "snr_db", 0, ["segmentation", "regression", "detection"]),
        (signature((32, 32, 3)), "reconstruction", "psnr", 0, ["segmentation", "regression"]),
    ],
)
def test_the_task_the_metric_and_what_is_missing(
    model: Signature, task: str, metric: str, needs: int, others: list[str]
) -> None:
    found = task_without_labels(model)
    assert found is not None
    assert (found.task, found.metric, len(found.needs)) == (task, metric, needs)
    assert [other.task for other in found.others] == others


def test_where_two_tasks_fit_the_option_is_named() -> None:
    found = task_without_labels(signature((32, 32, 1), "sigmoid", takes=(32, 32, 1)))
    assert found is not None
    assert (found.task, found.metric) == (None, None)
    assert "--task segmentation or --task reconstruction" in found.needs[0]
    assert [other.task for other in found.others] == ["segmentation", "reconstruction"]


def test_a_model_without_outputs_has_no_task() -> None:
    assert task_without_labels(Signature({}, ())) is None


def _shown(report: CheckReport) -> str:
    stream = io.StringIO()
    rendering.render(report, Console(file=stream, width=200))
    return " ".join(stream.getvalue().split())


def test_a_tflite_is_told_what_bench_does_with_it(tmp_path: Path) -> None:
    report = check_everywhere(
        halver(tmp_path / "net.tflite", (8,)).read_bytes(), [backend_of("host")], name="net.tflite"
    )
    assert report.export is None
    assert report.bench is not None
    assert (report.bench.task, report.bench.metric) == ("outputs", "snr_db")
    shown = _shown(report)
    assert "Task for bench: outputs (2 outputs)." in shown
    assert "With labels it can be: detection (--decode MODULE:FUNCTION; boxes" in shown


@pytest.mark.parametrize(
    ("model", "lines"),
    [
        (
            signature((1,), "sigmoid"),
            ["Task for export: binary (one sigmoid output).", "Metric: accuracy, which "],
        ),
        (TWO, ["outputs (2 outputs).", "ratio, without labels.", "detection (--decode MODULE:FUNCTION; boxes"]),
        (
            signature((32, 32, 1), "sigmoid", takes=(32, 32, 1)),
            ["Task for export: not decided. ", "--task segmentation or --task reconstruction"],
        ),
    ],
)
def test_the_terminal_says_so_in_plain_lines(model: Signature, lines: list[str]) -> None:
    report = CheckReport(
        edgeswap="0", model="net", form="keras", export=task_without_labels(model), targets=[], passed=True
    )
    text = _shown(report)
    for line in lines:
        assert line in text
