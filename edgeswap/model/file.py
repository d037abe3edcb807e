"""What is in a model file, without loading it and without TensorFlow: so that a bad one is refused at once."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgeswap.errors import ModelError


@dataclass(frozen=True)
class ModelFile:
    """A `.keras` or `.h5` file, or a SavedModel folder, of a whole model.

    Attributes:
        path: where it lies.
        framework: which can read it: `keras` (Keras 3) or `tf_keras` (Keras 2).
        config: the model's, as it was saved; of a SavedModel a list of its layers' metadata.
    """

    path: Path
    framework: Literal["keras", "tf_keras"]
    config: Any


def inspect(path: str | Path, *, trust: bool = False) -> ModelFile:
    """What the file at `path` holds.

    Args:
        path: the file.
        trust: let it carry Python code (Lambda layers), which runs when it is loaded.

    Raises:
        ModelError: there is no such file, it is damaged or no Keras model, or it carries code and is not trusted.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"Expected a model file, but {str(path)!r} does not exist.", "Check the path.")
    try:
        return _inspect(path, trust)
    except PermissionError as error:
        raise ModelError(
            f"Expected a model file, but {str(path)!r} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error


def _inspect(path: Path, trust: bool) -> ModelFile:
    import h5py  # noqa: PLC0415  (a tenth of a second, which a missing file need not wait for)

    if path.is_dir():
        version, config = _read_saved_model(path)
    elif path.stat().st_size == 0:
        raise ModelError(f"Expected a Keras model, but {str(path)!r} is empty.", "Save the model again.")
    elif zipfile.is_zipfile(path):
        version, config = _read_keras(path)
    elif h5py.is_hdf5(path):
        version, config = _read_h5(path)
    else:
        raise ModelError(
            f"Expected a .keras or .h5 model, but {str(path)!r} is neither a zip nor an HDF5 file, or it is cut short.",
            "Save the model with model.save('model.keras'), and copy it whole.",
        )
    if not trust and "Lambda" in _class_names(config):
        raise ModelError(
            f"Expected a model without code in it, but {str(path)!r} holds a Lambda layer, which would run.",
            "Pass --trust if you trust the file, or write a layer class in its place.",
        )
    return ModelFile(path, "keras" if version.startswith("3") else "tf_keras", config)


def _read_saved_model(path: Path) -> tuple[str, Any]:
    """Keras 2 wrote each layer's config as JSON into a message of its own beside the graph; Keras 3 writes none."""
    metadata = path / "keras_metadata.pb"
    if not (path / "saved_model.pb").is_file() or not metadata.is_file():
        raise ModelError(
            f"Expected a .keras or .h5 file or a Keras 2 SavedModel, but {str(path)!r} is a folder without "
            "saved_model.pb and keras_metadata.pb.",
            "A SavedModel that Keras 3 exported holds no layers: save the model with model.save('model.keras').",
        )
    return "2", list(_json_objects(metadata.read_bytes().decode(errors="replace")))


def _json_objects(text: str) -> Iterator[Any]:
    """The JSON objects among other bytes: reading the message itself would take TensorFlow."""
    decoder, start = json.JSONDecoder(), text.find('{"')
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
            yield found
        except ValueError:
            end = start + 1
        start = text.find('{"', end)


def _read_keras(path: Path) -> tuple[str, Any]:
    """Keras 3 and tf_keras write the same zip; its metadata says which version did."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
            return str(version), json.loads(archive.read("config.json"))
    except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(
            f"Expected a .keras model, but {str(path)!r} is a zip without a readable config.json and metadata.json.",
            "Save the model with model.save('model.keras').",
        ) from error


def _read_h5(path: Path) -> tuple[str, Any]:
    import h5py  # noqa: PLC0415  (as above)

    try:
        with h5py.File(path) as stored:
            config, version = stored.attrs.get("model_config"), stored.attrs.get("keras_version", "2")
        if config is None:
            raise ModelError(
                f"Expected a whole model, but {str(path)!r} holds weights only, or is no model at all.",
                "Save the model itself with model.save('model.keras'), not save_weights.",
            )
        return version.decode() if isinstance(version, bytes) else str(version), json.loads(config)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise ModelError(
            f"Expected an HDF5 model, but {str(path)!r} cannot be read: {' '.join(str(error).split())}.",
            "Copy the file again, whole.",
        ) from error


def _class_names(config: Any) -> set[str]:
    """Every `class_name` in a nested config."""
    if isinstance(config, dict):
        own = {config["class_name"]} if isinstance(config.get("class_name"), str) else set()
        return own.union(*(_class_names(value) for value in config.values()))
    if isinstance(config, list):
        return set().union(*(_class_names(value) for value in config))
    return set()
