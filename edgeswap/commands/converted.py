"""The models as .tflite files: converted, lowered for the first target and held to the precision asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.commands.candidate import Candidate
from edgeswap.commands.float_models import FloatModels
from edgeswap.commands.source import Source
from edgeswap.config.export import ExportConfig
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.graph.layer_names import given_names
from edgeswap.progress import Progress
from edgeswap.store.forms import TFLITE
from edgeswap.store.keys import converted_model
from edgeswap.store.run_store import RunStore
from edgeswap.system.partial import BASELINE, DYNAMIC, write_whole
from edgeswap.targets.names import lowered_for
from edgeswap.tflite.ends import with_ends
from edgeswap.tflite.lower import lower
from edgeswap.tflite.required_precision import require_precision


@dataclass(frozen=True, eq=False)
class Converted:
    """The two .tflite models and where they stand.

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


def convert_both(
    config: ExportConfig,
    source: Source,
    floats: FloatModels,
    candidate: Candidate,
    folder: Path,
    *,
    store: RunStore,
    progress: Progress,
) -> Converted:
    """Convert the baseline and the candidate; each stands in `folder` as soon as it is made.

    Raises:
        ConversionError: the converter failed.
        VerificationError: the candidate is not of the precision that was asked for.
    """
    baseline_path, candidate_path = folder / BASELINE, folder / f"model_{config.precision}.tflite"
    dynamic_path = folder / DYNAMIC
    conversions = [(Conversion(floats.baseline, "float32"), source.graph), (candidate.conversion, candidate.made_of)]
    if config.compare == "dynamic":
        conversions.append((Conversion(floats.baseline, "dynamic_range"), source.graph))
    baseline_bytes, candidate_bytes, *others = _converted(conversions, store=store, progress=progress)
    dynamic = others[0] if others else None
    if dynamic is not None:
        write_whole(dynamic_path, dynamic)
    write_whole(baseline_path, baseline_bytes)
    if config.precision == "int8":
        candidate_bytes = lower(candidate_bytes, runtime=lowered_for(config.target), hard_swish=config.hard_swish)
    layers = list(given_names(source.graph))
    write_whole(candidate_path, candidate_bytes)
    require_precision(candidate_bytes, config.precision, layers)
    with_io = with_ends(candidate_bytes, config.io)
    if config.io != "int8":
        write_whole(candidate_path, with_io)
        require_precision(with_io, config.precision, layers, io=config.io)
    files = (baseline_path, candidate_path, dynamic, dynamic_path)
    return Converted(baseline_bytes, with_io, candidate_bytes, *files)


def _converted(of: Sequence[tuple[Conversion, Any]], *, store: RunStore, progress: Progress) -> list[bytes]:
    """Each conversion's `.tflite`, those that the store does not have converted together.

    Args:
        of: conversions, and what their models were built from.
        store: of results of earlier runs.
        progress: told of every conversion.
    """
    keys = [store.key(converted_model(made_of, conversion)) for conversion, made_of in of]
    found = [store.find(key, TFLITE) for key in keys]
    missing = [number for number, data in enumerate(found) if data is None]
    made = convert_all([of[number][0] for number in missing], progress=progress) if missing else ()
    for number, data in zip(missing, made, strict=True):
        store.keep(keys[number], TFLITE, data)
        found[number] = data
    return [data for data in found if data is not None]
