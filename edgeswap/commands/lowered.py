"""The converter's files as they go to the targets: lowered for the first of them, held to the precision asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeswap.commands.models import Models
from edgeswap.config.export import ExportConfig
from edgeswap.system.partial import BASELINE, DYNAMIC, write_whole
from edgeswap.targets.names import lowered_for
from edgeswap.tflite.ends import with_ends
from edgeswap.tflite.lower import lower
from edgeswap.tflite.required_precision import require_precision


@dataclass(frozen=True, eq=False)
class Lowered:
    """The .tflite models and where they stand.

    Attributes:
        baseline: the float32 model as it was given.
        candidate: the quantized one.
        inside: the same before it got the ends of `--io`: of int8 with int8 ends the candidate itself.
        baseline_path: the file of the one.
        candidate_path: the file of the other.
        dynamic: the converter's dynamic-range model of the baseline; None unless `--compare` asks for it.
        dynamic_path: its file, which is there where `dynamic` is.
    """

    baseline: bytes
    candidate: bytes
    inside: bytes
    baseline_path: Path
    candidate_path: Path
    dynamic: bytes | None
    dynamic_path: Path


def lower_and_write(config: ExportConfig, models: Models, folder: Path) -> Lowered:
    """The files in `folder`, each as soon as it is made.

    Raises:
        VerificationError: the candidate is not of the precision that was asked for.
    """
    files = models.converted
    baseline_path, candidate_path = folder / BASELINE, folder / f"model_{config.precision}.tflite"
    dynamic_path = folder / DYNAMIC
    if files.dynamic is not None:
        write_whole(dynamic_path, files.dynamic)
    write_whole(baseline_path, files.baseline)
    candidate = files.candidate
    if config.precision == "int8":
        candidate = lower(candidate, runtime=lowered_for(config.target), hard_swish=config.hard_swish)
    layers = list(models.told.names)
    write_whole(candidate_path, candidate)
    require_precision(candidate, config.precision, layers)
    with_io = with_ends(candidate, config.io)
    if config.io != "int8":
        write_whole(candidate_path, with_io)
        require_precision(with_io, config.precision, layers, io=config.io)
    return Lowered(files.baseline, with_io, candidate, baseline_path, candidate_path, files.dynamic, dynamic_path)
