"""A model file to a model object: each file gets the reader it needs, which is found out from the file."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py

from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras


def load_model(path: str | Path, *, trust: bool = False) -> Any:
    """The Keras 3 or tf_keras model in a `.keras` or `.h5` file, not compiled.

    Args:
        path: the file.
        trust: load it even if it carries Python code (Lambda layers), which then may run.

    Raises:
        ModelError: there is no such file, it is damaged or no Keras model, or it carries code and is not trusted.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"Expected a model file, but {str(path)!r} does not exist.", "Check the path.")
    if path.is_file() and path.stat().st_size == 0:
        raise ModelError(f"Expected a Keras model, but {str(path)!r} is empty.", "Save the model again.")
    if path.is_file() and zipfile.is_zipfile(path):
        framework, config = _inspect_keras(path)
    elif path.is_file() and h5py.is_hdf5(path):
        framework, config = _inspect_h5(path)
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
    return _load(path, framework, trust)


def sha256(path: Path) -> str:
    """The file's SHA-256, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(stream)


def _digest(stream: Any) -> str:  # Python 3.10
    digest = hashlib.sha256()
    while block := stream.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _load(path: Path, framework: Any, trust: bool) -> Any:
    options: dict[str, Any] = {"compile": False, "safe_mode": not trust}
    try:
        return framework.models.load_model(path, **options)
    except (ValueError, TypeError, KeyError, OSError, AttributeError) as error:
        raise ModelError(
            f"Expected {framework.__name__} to load {str(path)!r}, but it says: {_first_line(error)}",
            "Check that the file is whole; a layer class of your own is given by --custom-objects MODULE:NAME.",
        ) from error


def _inspect_keras(path: Path) -> tuple[Any, Any]:
    """Keras 3 and tf_keras write the same zip; its metadata says which version did."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
            config = json.loads(archive.read("config.json"))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"Expected a .keras model, but {str(path)!r} is a zip without a readable config.json and metadata.json.",
            "Save the model with model.save('model.keras').",
        ) from error
    return _by_version(version), config


def _inspect_h5(path: Path) -> tuple[Any, Any]:
    try:
        with h5py.File(path) as stored:
            config, version = stored.attrs.get("model_config"), stored.attrs.get("keras_version", "2")
    except OSError as error:
        raise ModelError(
            f"Expected an HDF5 model, but {str(path)!r} cannot be read: {_first_line(error)}",
            "Copy the file again, whole.",
        ) from error
    if config is None:
        raise ModelError(
            f"Expected a whole model, but {str(path)!r} holds weights only.",
            "Save the model itself with model.save('model.keras'), not save_weights.",
        )
    return _by_version(version), json.loads(config)


def _by_version(version: str | bytes) -> Any:
    text = version.decode() if isinstance(version, bytes) else version
    return keras if text.startswith("3") else tf_keras


def _class_names(config: Any) -> set[str]:
    """Every `class_name` in a nested config."""
    if isinstance(config, dict):
        own = {config["class_name"]} if isinstance(config.get("class_name"), str) else set()
        return own.union(*(_class_names(value) for value in config.values()))
    if isinstance(config, list):
        return set().union(*(_class_names(value) for value in config))
    return set()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
