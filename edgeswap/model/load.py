"""A model file to a model object: each file gets the reader it needs, which is found out from the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeswap.errors import EdgeswapError, ModelError
from edgeswap.frameworks import keras, tf_keras, tfmot
from edgeswap.graph import build  # noqa: F401  (its layers register themselves for loading)
from edgeswap.model.custom_objects import CustomObjects, objects_for
from edgeswap.model.file import ModelFile, inspect
from edgeswap.model.rehearsal import preview, rehearse
from edgeswap.model.saved_model import load_saved_model
from edgeswap.system.scratch import scratch_folder

_SUFFIXES = {"keras": (".keras",), "h5": (".h5", ".hdf5")}
_PRUNED = "PruneLowMagnitude"


def load_model(path: str | Path, *, trust: bool = False, custom_objects: CustomObjects = ()) -> Any:
    """The Keras 3 or tf_keras model in a `.keras` or `.h5` file or a Keras 2 SavedModel, not compiled.

    Without `trust` nothing in the file runs and nothing outside it is read: see SECURITY.md. It is loaded in a process
    of its own first, with limits of time and memory; where `custom_objects` are Python objects it is only looked at
    there.

    Args:
        path: the file.
        trust: load whatever it holds, here and without limits; what code it carries or names then runs.
        custom_objects: the user's own layers and functions, as `MODULE:NAME`, or by name as Keras takes them.

    Raises:
        ModelError: there is no such file, it is damaged or no Keras model, or it would run code and is not trusted.
        ConfigError: a custom object that cannot be imported, or is nothing that a model is made of.
    """
    if trust:
        file = inspect(path, trust=True)
    elif isinstance(custom_objects, Mapping):
        file = preview(path, custom_objects=custom_objects)
    else:
        file = rehearse(path, custom_objects)
    return build_model(file, trust=trust, custom_objects=custom_objects)


def build_model(file: ModelFile, *, trust: bool = False, custom_objects: CustomObjects = ()) -> Any:
    """The model in a file that has been inspected; `load_model` is for all that have not.

    Raises:
        ModelError: the framework cannot build it, by whatever exception it says so.
        ConfigError: see `load_model`.
    """
    framework = keras if file.framework == "keras" else tf_keras
    scope = dict(objects_for(file, framework, custom_objects))
    if _PRUNED in file.names:
        with tfmot.sparsity.keras.prune_scope():
            scope[_PRUNED] = tf_keras.saving.get_registered_object(_PRUNED)
    try:
        with framework.saving.custom_object_scope(scope):
            model = _load(file, framework, trust)
            return tfmot.sparsity.keras.strip_pruning(model) if _PRUNED in file.names else model
    except (EdgeswapError, MemoryError):
        raise
    except Exception as error:  # Keras refuses a config by whatever it stumbles over: KeyError, AssertionError, …
        raise ModelError(
            f"Expected {framework.__name__} to load {str(file.path)!r}, but it says {type(error).__name__}: "
            f"{_first_line(error)}.",
            "Check that the file is whole; name a layer class of your own with --custom-objects MODULE:NAME.",
        ) from error


def _load(file: ModelFile, framework: Any, trust: bool) -> Any:
    if file.kind == "saved_model":
        if trust:
            return framework.models.load_model(file.path, compile=False)
        return load_saved_model(file.path, file.config, framework)
    with _named_for_its_kind(file) as path:
        return framework.models.load_model(path, compile=False, safe_mode=not trust)


@contextmanager
def _named_for_its_kind(file: ModelFile) -> Iterator[Path]:
    """Keras chooses a reader by how a file's name ends, edgeswap by what the file is: they must agree."""
    suffixes = _SUFFIXES[file.kind]
    if file.path.name.endswith(suffixes):
        yield file.path
        return
    with scratch_folder() as folder:
        link = folder / f"model{suffixes[0]}"
        link.symlink_to(file.path.resolve())
        yield link


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no more"])[0][:300].rstrip(" .:")
