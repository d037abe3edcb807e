"""What an export gives to Python: the report, the models behind it and the folder that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.records import ExportReport
from edgeswap.report import html, numbers
from edgeswap.report import wording as say


@dataclass(frozen=True, eq=False, repr=False)
class ExportResult:
    """The models of one export, and what was measured of them.

    Attributes:
        report: all figures, as in report.json.
        float_model: tf_keras, float32, after swap and recovery; the given model in tf_keras where nothing was swapped.
            It takes what the given model takes.
        qat_model: tf_keras, the trained fake-quant model that became the int8 .tflite; None where nothing was trained
            with fake-quant. Inputs in `report.normalized_by_app` it takes normalized.
        tflite: the candidate's .tflite.
        folder: where all files are; None where nothing was written.
    """

    report: ExportReport
    float_model: Any
    qat_model: Any | None
    tflite: bytes
    folder: Path | None

    def __repr__(self) -> str:
        """The verdict and where the files are, in two lines."""
        report = say.printable(self.report)
        verdict = say.verdict(report).replace(numbers.NBSP, " ")
        where = "Nothing was written" if self.folder is None else f"Files: {str(self.folder)!r}"
        return f"ExportResult of {report.model.name}: {verdict}\n{where}; all figures: .report"

    def _repr_html_(self) -> str:
        """What a notebook shows of it: figures, warnings and the folder. It loads nothing."""
        return html.render_cell(self.report, self.folder)
