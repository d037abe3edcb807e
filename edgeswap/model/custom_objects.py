"""The user's own layers and functions, for a model file that names them: exactly what was given, nothing beside it."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgeswap.errors import ConfigError, ModelError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.ir import Graph
from edgeswap.model.file import ModelFile
from edgeswap.system.user_function import import_function

CustomObjects = Mapping[str, Any] | Sequence[str]
_NAMES = {"keras": "Keras 3", "tf_keras": "Keras 2"}


def objects_for(file: ModelFile, framework: Any, custom_objects: CustomObjects) -> Iterator[tuple[str, Any]]:
    """What the file's reader is to find under which name.

    Args:
        file: the file.
        framework: the module, `keras` or `tf_keras`, that reads it.
        custom_objects: what the user gave.

    Raises:
        ConfigError: one cannot be imported, or is neither a class that models are made of nor a function that the file
            names.
        ModelError: the file names a class that was given for the other framework only.
    """
    other = tf_keras if framework is keras else keras
    given = named_objects(custom_objects)
    if not isinstance(custom_objects, Mapping):
        for text, (name, found) in zip(custom_objects, given, strict=True):
            _require_part_of_models(text, name, found, file)
    fitting = {name: found for name, found in given if not _is_layer_of(other, found)}
    for name, found in given:
        if name in file.names and name not in fitting:
            raise ModelError(
                f"Expected a layer class of {framework.__name__} for {name!r}, which {str(file.path)!r} of "
                f"{_NAMES[framework.__name__]} names, got one of {other.__name__}.",
                f"Write `import {framework.__name__}` in its module {found.__module__!r}, in the place of tf.keras, "
                "which is Keras 2 here.",
            )
    yield from fitting.items()
    # What was registered under a package's name is looked up by that; else tf_keras imports what the file says.
    yield from ((name, fitting[name.rpartition(">")[2]]) for name in file.names if name.rpartition(">")[2] in fitting)


def named_objects(custom_objects: CustomObjects) -> list[tuple[str, Any]]:
    """Name and object of each; one name may stand for a class of Keras 3 and another of tf_keras.

    Raises:
        ConfigError: one that cannot be imported.
    """
    if isinstance(custom_objects, Mapping):
        return list(custom_objects.items())
    return [(text.partition(":")[2], import_function(text)) for text in custom_objects]


def with_twins(graph: Graph, custom_objects: CustomObjects) -> Graph:
    """Layers of the user's own class by their tf_keras class of the same name, where one was given."""
    own = {layer.name: layer for layer in graph.layers.values() if layer.python_class is not None}
    classes = {name: twin(layer.class_name, custom_objects) for name, layer in own.items()}
    return graph.with_layers(
        {name: replace(layer, python_class=classes[name]) for name, layer in own.items() if classes[name] is not None}
    )


def twin(class_name: str, custom_objects: CustomObjects) -> Any | None:
    """The user's own tf_keras layer called `class_name`; None where none was given."""
    for name, found in named_objects(custom_objects):
        if class_name in (name, getattr(found, "__name__", None)) and _is_layer_of(tf_keras, found):
            return found
    return None


def _require_part_of_models(text: str, name: str, found: Any, file: ModelFile) -> None:
    if isinstance(found, type):
        parts = [
            getattr(family, base)
            for framework in (keras, tf_keras)
            for family, base in (
                (framework.layers, "Layer"),
                (framework.initializers, "Initializer"),
                (framework.regularizers, "Regularizer"),
                (framework.constraints, "Constraint"),
            )
        ]
        fits = issubclass(found, tuple(parts))
    else:
        fits = isinstance(found, types.FunctionType) and name in {known.rpartition(">")[2] for known in file.names}
    if not fits:
        raise ConfigError(
            f"Expected a Keras layer class, or a function that {str(file.path)!r} names, for --custom-objects, got "
            f"{text!r}.",
            "Name what the file needs, like mylayers:MyLayer.",
        )


def _is_layer_of(framework: Any, found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, framework.layers.Layer)
