"""Fake-quant models: written, read and converted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from edgeswap.system.python_words import python_words
from edgeswap.system.random_state import kept_random_state


def save_qat(qat_model: Any, path: str | Path) -> None:
    """Write a fake-quant model, trained or not; see `edgeswap.quantization.checkpoint.save`."""
    from edgeswap.quantization.checkpoint import save  # noqa: PLC0415  (imports TensorFlow)

    save(qat_model, Path(path))


@kept_random_state()
@python_words()
def load_qat(path: str | Path, *, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The fake-quant model that `edgeswap export --save-qat` or `save_qat` wrote: a tf_keras model to train on.

    See `edgeswap.quantization.checkpoint.load`.
    """
    from edgeswap.quantization.checkpoint import load  # noqa: PLC0415  (imports TensorFlow)

    return load(Path(path), custom_objects=custom_objects)


@kept_random_state()
@python_words()
def convert_qat(
    qat_model: Any, samples: Any, *, hard_swish: Literal["auto", "operator", "rewritten"] = "auto"
) -> bytes:
    """The full-integer .tflite of a fake-quant model, converted, lowered and held to int8 as `export` does it.

    Args:
        qat_model: from `load_qat`, trained on or not; it stays as it is.
        samples: what the model takes, preprocessed: an array (N, ...), or a list of one for each input. One sample is
            enough, save where the report says that ranges were left to calibration.
        hard_swish: see `edgeswap.tflite.lower.lower`.

    Raises:
        ConversionError: the converter failed.
        VerificationError: the file is not full-integer.
    """
    from edgeswap.commands.convert_qat import convert_qat as run  # noqa: PLC0415  (imports TensorFlow)

    return run(qat_model, samples, hard_swish=hard_swish)
