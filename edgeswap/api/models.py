"""Model files of Keras: `edgeswap.load_model`, and what plain Keras needs to load a swapped model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from edgeswap.api.types import Objects
from edgeswap.system.python_words import python_words
from edgeswap.system.random_state import kept_random_state


@kept_random_state()
@python_words()
def load_model(path: str | Path, *, trust: bool = False, custom_objects: Objects = ()) -> Any:
    """The Keras 3 or tf_keras model in a file, not compiled.

    Args:
        path: a .keras or .h5 file, or a Keras 2 SavedModel.
        trust: let code inside the file run.
        custom_objects: your own layers and functions: by name, or as MODULE:NAME texts.

    Raises:
        ModelError: there is no such file, it is damaged or no Keras model, or it would run code and is not trusted.
        ConfigError: a custom object cannot be imported.
    """
    from edgeswap.model.load import load_model as load  # noqa: PLC0415  (imports TensorFlow)

    return load(path, trust=trust, custom_objects=custom_objects)


def custom_objects(framework: Literal["keras", "tf_keras"] = "keras") -> dict[str, Any]:
    """What plain Keras needs to load a swapped model: `keras.models.load_model(path, custom_objects=...)`.

    Args:
        framework: `tf_keras` for a model that was swapped in Keras 2; its file opens in tf_keras.
    """
    from edgeswap.activations.layers import CLASSES  # noqa: PLC0415  (imports TensorFlow)

    return {"edgeswap>CatalogActivation": CLASSES[framework]}
