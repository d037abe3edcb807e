"""`--compare dynamic`: the converter's dynamic-range model beside int8, in terminal and page."""

from __future__ import annotations

import pytest

from edgeswap.config.export import export_config
from edgeswap.errors import ConfigError
from edgeswap.records import BenchCandidate, ExportReport, Int8ModelFile
from edgeswap.report import html
from edgeswap.report.terminal_tables import models, targets
from tests.test_report import ptq, qat


def with_dynamic(report: ExportReport) -> ExportReport:
    """The report with a model of 101,234 bytes in it, otherwise as int8."""
    file = report.int8.model_dump() | {"file": "model_dynamic_range.tflite", "size_bytes": 101_234}
    other = BenchCandidate(
        name="dynamic range",
        precision="dynamic_range",
        model=Int8ModelFile(**file),
        comparison=report.comparison,
        targets=report.targets,
    )
    return report.model_copy(update={"compared": [other]})


def column(table: object, number: int) -> list[str]:
    return [str(cell) for cell in table.columns[number].cells]  # type: ignore[attr-defined]


@pytest.mark.parametrize("made", [qat, ptq])
def test_it_has_a_row_with_quality_size_and_speed(made: object) -> None:
    report = with_dynamic(made())  # type: ignore[operator]
    table = models(report)
    names = column(table, 0)
    row = names.index("dynamic range")
    assert row == len(names) - 2  # before what int8 gains
    size = next(number for number in range(1, len(table.columns)) if "101.2" in column(table, number)[row])
    assert column(table, size)[names.index("int8")] != column(table, size)[row]
    assert column(table, 1)[row] == column(table, 1)[names.index("int8")]
    page = html.render(report)
    assert page.count("dynamic range</th>") == 1 + len(report.targets)
    assert 'rowspan="3"' in page
    assert "model_dynamic_range.tflite" in page


def test_several_targets_have_a_column_for_it() -> None:
    report = qat()
    report = with_dynamic(report.model_copy(update={"targets": report.targets * 2}))
    table = targets(report)
    assert [str(each.header) for each in table.columns] == [
        "p50 / p90 on",
        "float32",
        "dynamic range",
        "int8",
        "int8 is",
    ]
    assert len(column(table, 2)) == 2


def test_where_no_floats_run_there_is_nothing_to_compare() -> None:
    given = {"model": "m.keras", "data": "d.npz", "compare": "dynamic"}
    assert export_config(given).compare == "dynamic"
    for settings, got in (({"delegate": "edgetpu"}, "--delegate edgetpu"), ({"target": "micro"}, "--target micro")):
        with pytest.raises(ConfigError, match=f"Expected no --compare for {got}"):
            export_config({**given, **settings})
