"""The fake-quant model on disk: saved, loaded and trained on, to the last bit the same.

A SavedModel: of the formats that tf_keras has, `.keras` counts the variables of tfmot's wrappers otherwise when it
loads than when it saves, and `.h5` leaves out layers of a user's own.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeswap.errors import ModelError, OutputError
from edgeswap.frameworks import tf_keras, tfmot
from edgeswap.graph import build  # noqa: F401  (its layers and the quantizers register themselves for loading)
from edgeswap.graph.clone import clone
from edgeswap.quantization import quantizers, range_relu  # noqa: F401
from edgeswap.system.scratch import scratch_folder

_DEFINITION = "saved_model.pb"
# What Keras raises where a layer's config cannot be written.
UNWRITABLE = (TypeError, ValueError, NotImplementedError)


def save(fake_quant_model: Any, path: Path) -> None:
    """Write the model, with its weights and where its ranges are, as a SavedModel.

    Args:
        fake_quant_model: from `quantize`, trained or not.
        path: of a new folder, or of a new .zip that will hold what such a folder does.

    Raises:
        OutputError: `path` exists.
        ModelError: a layer's config cannot be written.
    """
    if path.exists():
        raise OutputError(f"Expected a new folder or .zip for the model, got {path}.", "Name another, or remove it.")
    if path.suffix != ".zip":
        # Without the traced functions, which nothing here reads: MobileNetV2 was saved in 11 s instead of 99, and a
        # fake-quant Conv2DTranspose, whose functions TensorFlow cannot write, is saved at all.
        try:
            fake_quant_model.save(str(path), save_format="tf", include_optimizer=False, save_traces=False)
        except UNWRITABLE as error:
            raise ModelError(
                f"Expected a fake-quant model that can be saved, got: {error}",
                "Give your own layers a get_config with plain values, or leave out --save-qat.",
            ) from error
        return
    with scratch_folder() as folder:
        save(fake_quant_model, folder / "model")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted((folder / "model").rglob("*")):
                archive.write(file, file.relative_to(folder / "model"))


def require_savable(fake_quant_model: Any) -> None:
    """Refuse, before hours of training, a model that `save` could not write after it.

    Raises:
        ModelError: a layer's config cannot be written.
    """
    with scratch_folder() as folder:
        save(fake_quant_model, folder / "model")


def load(path: Path, *, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `save` wrote: it computes the same, trains and converts.

    A SavedModel may hold code of its own, such as a Lambda layer's, which runs: load what you saved, or trust.

    Args:
        path: the folder or .zip.
        custom_objects: tf_keras classes of a user's own layers in it, by name.

    Raises:
        ModelError: it holds no such model.
    """
    if zipfile.is_zipfile(path):
        with scratch_folder() as folder, zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
            return _load(folder, path, custom_objects)
    return _load(path, path, custom_objects)


def _load(folder: Path, path: Path, custom_objects: Mapping[str, Any] | None) -> Any:
    if not (folder / _DEFINITION).is_file():
        raise ModelError(
            f"Expected the folder or .zip of a saved fake-quant model, got {str(path)!r}.",
            "Give one that --save-qat or edgeswap.save_qat wrote.",
        )
    with tfmot.quantization.keras.quantize_scope(dict(custom_objects or {})):
        revived = tf_keras.models.load_model(str(folder), compile=False)
        # Its layers hold their variables in an order of their own, by which a copy of it would mix them up.
        model = clone(revived)
    model.load_weights(str(folder / "variables" / "variables")).assert_existing_objects_matched()
    return model
