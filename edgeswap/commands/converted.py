"""The models as .tflite files, as the converter makes them."""

from __future__ import annotations

from collections.abc import Sequence
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


def convert_both(
    config: ExportConfig,
    source: Source,
    floats: FloatModels,
    candidate: Candidate,
    *,
    store: RunStore,
    progress: Progress,
) -> Converted:
    """Convert the baseline and the candidate, and what they are to be compared with.

    Raises:
        ConversionError: the converter failed.
    """
    conversions = [(Conversion(floats.baseline, "float32"), source.graph), (candidate.conversion, candidate.made_of)]
    if config.compare == "dynamic":
        conversions.append((Conversion(floats.baseline, "dynamic_range"), source.graph))
    baseline, quantized, *others = _converted(conversions, store=store, progress=progress)
    return Converted(baseline, quantized, others[0] if others else None)


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
