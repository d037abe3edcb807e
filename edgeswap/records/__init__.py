"""The records that pass between the stages and make up report.json: numbers, never formatted text.

Records are frozen; units stand in the names. `report.schema.json` is generated from `ExportReport`.
"""

from edgeswap.records.accelerators import EdgeTpuHandover, EdgeTpuMapping, NpuEstimate
from edgeswap.records.analysis import AnalyzeReport, Cause, CauseKind, Cost, LayerCost, RangeUse, Spread
from edgeswap.records.base import CandidatePrecision, Io, Precision, Record, Unit
from edgeswap.records.calibration import CalibrationManifest, Coverage
from edgeswap.records.details import ClassFigure, Errors, InputExample, Named, RocCurves, WorstSample
from edgeswap.records.grid import GridShares, LayerOnGrid
from edgeswap.records.ladder import Rung
from edgeswap.records.measured import (
    ActivationKernel,
    ArenaUse,
    Int8ModelFile,
    Latency,
    Measurement,
    MicroMeasurement,
    ModelFile,
    OutsideOperator,
    TargetFailure,
    TargetResult,
)
from edgeswap.records.quality import Comparison, OutputFidelity, Quality, StageQuality
from edgeswap.records.reports import BenchCandidate, BenchReport, ExportReport
from edgeswap.records.runs import Run, RunsReport
from edgeswap.records.source import (
    ActivationRange,
    Activations,
    Caution,
    Data,
    DataSource,
    Limit,
    ModelSource,
    Parity,
    Ranges,
    SkippedActivation,
    SwappedActivation,
    TaskChoice,
)
from edgeswap.records.stored import StoredEntry, StoreReport
from edgeswap.records.sweep import SweepCandidate, SweepFigures, SweepReport
from edgeswap.records.training import TrainingRun

__all__ = [
    "ActivationKernel",
    "ActivationRange",
    "Activations",
    "AnalyzeReport",
    "ArenaUse",
    "BenchCandidate",
    "BenchReport",
    "CalibrationManifest",
    "CandidatePrecision",
    "Cause",
    "CauseKind",
    "Caution",
    "ClassFigure",
    "Comparison",
    "Cost",
    "Coverage",
    "Data",
    "DataSource",
    "EdgeTpuHandover",
    "EdgeTpuMapping",
    "Errors",
    "ExportReport",
    "GridShares",
    "InputExample",
    "Int8ModelFile",
    "Io",
    "Latency",
    "LayerCost",
    "LayerOnGrid",
    "Limit",
    "Measurement",
    "MicroMeasurement",
    "ModelFile",
    "ModelSource",
    "Named",
    "NpuEstimate",
    "OutputFidelity",
    "OutsideOperator",
    "Parity",
    "Precision",
    "Quality",
    "RangeUse",
    "Ranges",
    "Record",
    "RocCurves",
    "Run",
    "Rung",
    "RunsReport",
    "SkippedActivation",
    "Spread",
    "StageQuality",
    "StoreReport",
    "StoredEntry",
    "SwappedActivation",
    "SweepCandidate",
    "SweepFigures",
    "SweepReport",
    "TargetFailure",
    "TargetResult",
    "TaskChoice",
    "TrainingRun",
    "Unit",
    "WorstSample",
]
