"""AutoGraph, left out where there is nothing for it to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgeswap.frameworks import tf

# Whose layers branch on no tensor.
_PLAIN = frozenset({"tf_keras", "tensorflow", "tensorflow_model_optimization", "edgeswap"})


def translated(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    """`function`, which calls the layers of `model`, with AutoGraph only if a layer is the user's own.

    AutoGraph translates the `call` of every layer that is none of Keras' own, and all that it calls, in case that it
    branches on a tensor. Of tfmot's wrappers and edgeswap's layers none does, and there are many of them: it takes
    seconds in a new process.

    Args:
        function: traced or run by TensorFlow.
        model: a tf_keras model.
    """
    if not all(map(_is_plain, model.submodules)):
        return function
    without: Callable[..., Any] = tf.autograph.experimental.do_not_convert(function)
    return without


def _is_plain(module: Any) -> bool:
    operation = getattr(module, "own", {}).get("source", {})  # of an `EdgeswapOperation`
    return type(module).__module__.partition(".")[0] in _PLAIN and "python" not in operation
