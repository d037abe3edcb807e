"""What an export gives to Python: the report, the models behind it and the folder that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.records import ExportReport


@dataclass(frozen=True, eq=False)
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
