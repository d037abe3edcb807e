"""What a bench says of several candidates: each line names the file that it is about."""

from __future__ import annotations

import pytest

from edgeswap.evaluation.limits import judge_delegate
from edgeswap.records import (
    ActivationKernel,
    ArenaUse,
    BenchCandidate,
    BenchReport,
    MicroMeasurement,
    OutsideOperator,
    TargetResult,
)
from tests.test_report import bench, text

SOFTMAX = OutsideOperator(operator="SOFTMAX", tensor="out", layer="out", reason="XNNPACK has no SOFTMAX.", remedy="")
TABLE = ActivationKernel(form="table", operators=["ELU"], passes=1, layers=["act"])


def of_three(second: list[OutsideOperator], third: list[OutsideOperator]) -> BenchReport:
    """A bench of three files, on the two targets of `bench`; the third is for a microcontroller, too."""
    report: BenchReport = bench(npus=[])

    def measured(left: list[OutsideOperator], **also: object) -> list[TargetResult]:
        told = {"outside_delegate": left, "activation_kernels": [TABLE], **also}
        return [one.model_copy(update={"int8": one.int8.model_copy(update=told)}) for one in report.targets]

    arena = ArenaUse(total_bytes=3000, head_bytes=2000, tail_bytes=1000)
    micro = MicroMeasurement(arena=arena, operators=["AddSoftmax"])
    targets = (measured(second), measured(third, micro=micro))
    candidates = [
        BenchCandidate(
            name=name,
            precision="int8",
            model=report.int8.model_copy(update={"file": name, "size_bytes": size}),
            comparison=report.comparison,
            targets=where,
        )
        for name, size, where in zip(("b.tflite", "c.tflite"), (1000, 2000), targets, strict=True)
    ]
    results = [one for each in targets for one in each]
    limit = judge_delegate(results, applied=True, operators=5)
    return report.model_copy(update={"candidates": candidates, "targets": targets[0], "limits": [limit]})


def lines_of(report: BenchReport) -> str:
    return " ".join(text(report, 100).split())


def test_a_line_on_one_of_three_files_names_it() -> None:
    shown = lines_of(of_three([SOFTMAX], [SOFTMAX, SOFTMAX]))
    where = ", ".join(one.name for one in bench().targets[:1])
    assert f"outside b.tflite on {where}" in shown
    assert "did not take 1 SOFTMAX (out)" in shown
    assert f"outside c.tflite on {where}" in shown
    assert "memory c.tflite: A microcontroller needs an arena of 3.0 kB" in shown
    assert "2.0 kB of flash" in shown
    assert "2 operators outside of the delegate in c.tflite, limit 0: 2 SOFTMAX" in shown


def test_equal_lines_of_three_files_name_all_of_them() -> None:
    shown = lines_of(of_three([SOFTMAX], [SOFTMAX]))
    assert "outside b.tflite, c.tflite on " in shown
    assert "activation b.tflite, c.tflite on " in shown
    assert shown.count("did not take") == 1


@pytest.mark.parametrize("limit", ["0 operators outside of the delegate, limit 0"])
def test_of_a_limit_that_holds_no_file_is_named(limit: str) -> None:
    assert limit in lines_of(of_three([], []))
