"""edgeswap: a trained Keras model to a proven int8 .tflite.

    import edgeswap

    result = edgeswap.swap_activations(model, "hard_swish")
    report = edgeswap.export(model, data="photos/", preprocess="unit", output="out")
    qat_model = edgeswap.load_qat("out/model_qat.zip")
    report = edgeswap.bench("model_float32.tflite", "model_int8.tflite", target="ssh://pi@board")

Importing this never imports TensorFlow; the functions do when they are called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeswap.version import __version__

if TYPE_CHECKING:
    from edgeswap.evaluation.swap_effects import SwapResult
    from edgeswap.records import BenchReport, ExportReport

__all__ = [
    "__version__",
    "bench",
    "convert_qat",
    "custom_objects",
    "export",
    "load_model",
    "load_qat",
    "save_qat",
    "swap_activations",
]


def load_model(path: str | Path, *, trust: bool = False, custom_objects: Mapping[str, Any] | Sequence[str] = ()) -> Any:
    """The Keras 3 or tf_keras model in a file; see `edgeswap.model.load.load_model`."""
    from edgeswap.model.load import load_model as load  # noqa: PLC0415  (imports TensorFlow)

    return load(path, trust=trust, custom_objects=custom_objects)


def swap_activations(
    model: Any, activation: str | None = None, *, swap: Sequence[str] = (), data: Any = None
) -> SwapResult:
    """A copy of `model`, in its own framework, with other activations; see `edgeswap.commands.swap`."""
    from edgeswap.commands.swap import swap_activations as run  # noqa: PLC0415  (imports TensorFlow)

    return run(model, activation, swap=swap, data=data)


def export(model: Any = None, **settings: Any) -> ExportReport:
    """Export a model, or the file of one, to int8; the settings are those of `edgeswap.config.export.ExportConfig`.

    Args:
        model: a Keras 3 or tf_keras model, a path, or None for the digits example.
        settings: as the flags of `edgeswap export`, and `progress`, an `edgeswap.progress.Progress`.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    from edgeswap.config.export import export_config  # noqa: PLC0415
    from edgeswap.config.preflight import preflight  # noqa: PLC0415

    progress = settings.pop("progress", None)
    config = export_config({"model": model, **settings})
    preflight(config)
    from edgeswap.commands.export import export as run  # noqa: PLC0415  (imports TensorFlow)

    return run(config, progress=progress).report


def bench(*models: str | Path, **settings: Any) -> BenchReport:
    """Measure .tflite files on targets, without TensorFlow; settings as of `edgeswap.config.bench.BenchConfig`.

    Args:
        models: two files or more; the first is the baseline that the others are compared with.
        settings: as the flags of `edgeswap bench` (`target_samples` is its --samples), and `progress`, an
            `edgeswap.progress.Progress`.

    Returns:
        The report. A target that failed beside others stands in its `failures`.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    from edgeswap.commands.bench import bench as run  # noqa: PLC0415
    from edgeswap.config.bench import bench_config  # noqa: PLC0415

    progress = settings.pop("progress", None)
    return run(bench_config({"models": models, **settings}), progress=progress)


def save_qat(qat_model: Any, path: str | Path) -> None:
    """Write a fake-quant model, trained or not; see `edgeswap.quantization.checkpoint.save`."""
    from edgeswap.quantization.checkpoint import save  # noqa: PLC0415  (imports TensorFlow)

    save(qat_model, Path(path))


def load_qat(path: str | Path, *, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The fake-quant model that `edgeswap export --save-qat` or `save_qat` wrote: a tf_keras model to train on.

    See `edgeswap.quantization.checkpoint.load`.
    """
    from edgeswap.quantization.checkpoint import load  # noqa: PLC0415  (imports TensorFlow)

    return load(Path(path), custom_objects=custom_objects)


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
    import numpy as np  # noqa: PLC0415

    from edgeswap.conversion.convert import convert  # noqa: PLC0415  (imports TensorFlow)
    from edgeswap.quantization.quantizers import has_per_channel_dense  # noqa: PLC0415
    from edgeswap.tflite.lower import lower  # noqa: PLC0415
    from edgeswap.tflite.verify import require_full_integer  # noqa: PLC0415

    arrays = samples if isinstance(samples, (list, tuple)) else [samples]
    converted = convert(
        qat_model,
        representative=[np.asarray(array, np.float32) for array in arrays],
        per_channel_dense=has_per_channel_dense(qat_model),
    )
    tflite_model = lower(converted, runtime="ai-edge-litert", hard_swish=hard_swish)
    require_full_integer(tflite_model, [layer.name for layer in qat_model.layers])
    return tflite_model


def custom_objects(framework: Literal["keras", "tf_keras"] = "keras") -> dict[str, Any]:
    """What plain Keras needs to load a swapped model: `keras.models.load_model(path, custom_objects=...)`.

    Args:
        framework: `tf_keras` for a model that was swapped in Keras 2; its file opens in tf_keras.
    """
    from edgeswap.activations.layers import CLASSES  # noqa: PLC0415  (imports TensorFlow)

    return {"edgeswap>CatalogActivation": CLASSES[framework]}
