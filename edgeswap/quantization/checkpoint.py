"""The fake-quant model on disk: saved, loaded and trained on, to the last bit the same.

A SavedModel: of the formats that tf_keras has, `.keras` counts the variables of tfmot's wrappers otherwise when it
loads than when it saves, and `.h5` leaves out layers of a user's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeswap.errors import ModelError, OutputError
from edgeswap.frameworks import tf_keras, tfmot


def save(fake_quant_model: Any, folder: Path) -> None:
    """Write the model, with its weights and where its ranges are, as a SavedModel.

    Args:
        fake_quant_model: from `quantize`, trained or not.
        folder: a new one.

    Raises:
        OutputError: `folder` exists.
    """
    if folder.exists():
        raise OutputError(f"Expected a new folder for the model, got {folder}.", "Name another, or remove it.")
    fake_quant_model.save(str(folder), save_format="tf", include_optimizer=False)


def load(folder: Path, *, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `save` wrote: it computes the same, trains and converts.

    Args:
        folder: a SavedModel.
        custom_objects: tf_keras classes of a user's own layers in it, by name.

    Raises:
        ModelError: `folder` holds no such model.
    """
    if not (folder / "saved_model.pb").is_file():
        raise ModelError(f"Expected the folder of a saved model, got {folder}.", "Give one that was saved as such.")
    with tfmot.quantization.keras.quantize_scope(dict(custom_objects or {})):
        revived = tf_keras.models.load_model(str(folder), compile=False)
        # Its layers hold their variables in an order of their own, by which a copy of it would mix them up.
        model = tf_keras.models.clone_model(revived)
    model.load_weights(str(folder / "variables" / "variables")).assert_existing_objects_matched()
    return model
