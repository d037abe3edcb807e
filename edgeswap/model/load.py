"""A model file to a model object: each file gets the reader it needs, which is found out from the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.model.file import inspect
from edgeswap.preprocess import import_function

CustomObjects = Mapping[str, Any] | Sequence[str]


def load_model(path: str | Path, *, trust: bool = False, custom_objects: CustomObjects = ()) -> Any:
    """The Keras 3 or tf_keras model in a `.keras` or `.h5` file or a Keras 2 SavedModel, not compiled.

    Args:
        path: the file.
        trust: load it even if it carries Python code (Lambda layers) or names modules to import, which then may run.
        custom_objects: the user's own layers and functions, as `MODULE:NAME`, or by name as Keras takes them.

    Raises:
        ModelError: there is no such file, it is damaged or no Keras model, or it carries code and is not trusted.
        ConfigError: a custom object that cannot be imported.
    """
    file = inspect(path, trust=trust)
    framework, other = (keras, tf_keras) if file.framework == "keras" else (tf_keras, keras)
    objects = {name: found for name, found in named_objects(custom_objects) if not _is_layer_of(other, found)}
    if framework is tf_keras and not trust:
        _refuse_imports(file.config, objects, file.path)
    try:
        with framework.saving.custom_object_scope(objects):
            # tf_keras takes no safe_mode for a SavedModel.
            safety = {} if file.path.is_dir() else {"safe_mode": not trust}
            return framework.models.load_model(file.path, compile=False, **safety)
    except (ValueError, TypeError, KeyError, OSError, AttributeError, RuntimeError, NotImplementedError) as error:
        raise ModelError(
            f"Expected {framework.__name__} to load {str(path)!r}, but it says: {_first_line(error)}",
            "Check that the file is whole; a layer class of your own is given by --custom-objects MODULE:NAME.",
        ) from error


def named_objects(custom_objects: CustomObjects) -> list[tuple[str, Any]]:
    """Name and object of each; one name may stand for a class of Keras 3 and another of tf_keras.

    Raises:
        ConfigError: one that cannot be imported.
    """
    if isinstance(custom_objects, Mapping):
        return list(custom_objects.items())
    return [(text.partition(":")[2], import_function(text)) for text in custom_objects]


def twin(class_name: str, custom_objects: CustomObjects) -> Any | None:
    """The user's own tf_keras layer called `class_name`; None where none was given."""
    for name, found in named_objects(custom_objects):
        if class_name in (name, getattr(found, "__name__", None)) and _is_layer_of(tf_keras, found):
            return found
    return None


def sha256(path: Path) -> str:
    """SHA-256 of the file, as hex; of a folder over the names and the bytes of its files, in order."""
    digest = hashlib.sha256()
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(file.relative_to(path).as_posix().encode() if path.is_dir() else b"")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _is_layer_of(framework: Any, found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, framework.layers.Layer)


def _refuse_imports(config: Any, objects: Mapping[str, Any], path: Path) -> None:
    """Keras 3 imports nothing that a file names but Keras itself; tf_keras imports whatever it names."""
    for entry in _entries(config):
        module, name = str(entry["module"]), str(entry.get("registered_name") or entry["class_name"])
        if module.split(".", maxsplit=1)[0] in ("keras", "tf_keras", "builtins", "None"):
            continue
        if tf_keras.saving.get_registered_object(name, custom_objects=dict(objects)) is None:
            raise ModelError(
                f"Expected a model of Keras's own layers, but {str(path)!r} would import {name!r} from {module!r}.",
                f"Pass --custom-objects {module}:{entry['class_name']}, or --trust if you trust the file.",
            )


def _entries(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a nested config that names its module; not those of training, which are not loaded."""
    if isinstance(config, Mapping):
        if {"module", "class_name"} <= set(config):
            yield config
        for key, value in config.items():
            if key != "compile_config":
                yield from _entries(value)
    elif isinstance(config, list):
        for value in config:
            yield from _entries(value)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
