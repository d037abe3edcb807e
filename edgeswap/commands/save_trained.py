"""Models written as soon as they exist: a run that ends early keeps what took hours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeswap.errors import ModelError
from edgeswap.graph.feature_normalization import FeatureNormalization
from edgeswap.graph.restored_normalization import with_normalizations
from edgeswap.progress import Progress
from edgeswap.quantization.checkpoint import UNWRITABLE, save
from edgeswap.records import Caution
from edgeswap.system.partial import QAT_MODEL, whole


def keep_float_model(
    model: Any,
    path: Path,
    *,
    normalizations: Mapping[str, FeatureNormalization],
    progress: Progress,
) -> tuple[Caution, ...]:
    """Write a trained float model, which takes the values as they were given; a caution where it cannot be written."""
    try:
        with progress.step("Keep what is trained"), whole(path) as part:
            with_normalizations(model, normalizations).save(part)
    except (*UNWRITABLE, ModelError) as error:
        return _not_kept(path, error, progress)
    return ()


def keep_qat_model(model: Any, folder: Path, *, must: bool, progress: Progress) -> tuple[Caution, ...]:
    """Write a trained fake-quant model; a caution where it cannot be written.

    Raises:
        ModelError: it cannot be written though it `must`.
    """
    path = folder / QAT_MODEL
    try:
        with progress.step("Keep what is trained"), whole(path) as part:
            save(model, part)
    except (*UNWRITABLE, ModelError) as error:
        if must:
            raise
        return _not_kept(path, error, progress)
    return ()


def _not_kept(path: Path, error: Exception, progress: Progress) -> tuple[Caution, ...]:
    why = f"Expected to keep {path.name} in case the run ends early, got: {error}"
    caution = Caution(kind="not_kept", problem=why, remedy="All else goes on without it.")
    progress.warn(caution.problem, caution.remedy)
    return (caution,)
