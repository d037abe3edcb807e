"""A copy of a tf_keras model, without AutoGraph where there is nothing for it to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgeswap.frameworks import tf_keras
from edgeswap.graph.autograph import translated


def clone(model: Any, clone_function: Callable[[Any], Any] | None = None) -> Any:
    """`tf_keras.models.clone_model`, seconds faster in a new process where no layer is the user's own.

    Args:
        model: a tf_keras model.
        clone_function: a layer to the one that takes its place; None makes new ones from their configs.
    """
    return translated(tf_keras.models.clone_model, model)(model, clone_function=clone_function)
