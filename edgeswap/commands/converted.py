"""The models as .tflite files, as the converter makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeswap.commands.candidate import Candidate
from edgeswap.commands.float_models import FloatModels
from edgeswap.commands.models import Converted
from edgeswap.commands.source import Source
from edgeswap.config.export import ExportConfig
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.progress import Progress
from edgeswap.store.forms import TFLITE
from edgeswap.store.keys import converted_model
from edgeswap.store.run_store import RunStore
from edgeswap.system.partial import BASELINE, write_whole


def convert_baseline(source: Source, floats: FloatModels, folder: Path, *, store: RunStore, progress: Progress) -> Path:
    """The file of the baseline in `folder`, made before a large network's weights are there a second time.

    Raises:
        ConversionError: the converter failed.
    """
    (baseline,) = _converted([(Conversion(floats.baseline, "float32"), source.graph)], store=store, progress=progress)
    write_whole(folder / BASELINE, baseline)
    return folder / BASELINE


def convert_both(
    config: ExportConfig,
    source: Source,
    floats: FloatModels,
    candidate: Candidate,
    *,
    baseline_file: Path | None = None,
    store: RunStore,
    progress: Progress,
) -> Converted:
    """Convert the baseline, unless its file is there already, and the candidate, and what they are compared with.

    Raises:
        ConversionError: the converter failed.
    """
    conversions: list[tuple[Conversion, Any]] = []
    if baseline_file is None:
        conversions.append((Conversion(floats.baseline, "float32"), source.graph))
    conversions.append((candidate.conversion, candidate.made_of))
    if config.compare == "dynamic":
        conversions.append((Conversion(floats.baseline, "dynamic_range"), source.graph))
    made = iter(_converted(conversions, store=store, progress=progress))
    baseline = next(made) if baseline_file is None else baseline_file.read_bytes()
    return Converted(baseline, next(made), next(made, None))


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
