"""The layer behind an `EdgeswapOperation`: it calls an operation of TensorFlow or Keras 3 on its input tensors.

Keras 3 runs on TensorFlow here, so that each framework's layers can call the other's operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf, tf_keras


def _layer_class(framework: Any) -> Any:
    @framework.saving.register_keras_serializable(package="edgeswap")
    class EdgeswapOperation(framework.layers.Layer):  # type: ignore[misc]
        """One operation. Its input is a tensor or a list of tensors; what else it takes is in the config."""

        def __init__(
            self,
            source: Mapping[str, Any],
            arguments: list[Any],
            keywords: Mapping[str, Any],
            **kwargs: Any,
        ) -> None:
            super().__init__(**kwargs)
            self.own = {"source": source, "arguments": arguments, "keywords": keywords}
            self.operation = _operation(source)

        def call(self, inputs: Any) -> Any:
            tensors = inputs if isinstance(inputs, (list, tuple)) else [inputs]
            args = [_filled(argument, tensors) for argument in self.own["arguments"]]
            return self.operation(*args, **_filled(self.own["keywords"], tensors))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), **self.own}

    return EdgeswapOperation


def _operation(source: Mapping[str, Any]) -> Any:
    """The callable that `source` names: a Python function, a symbol below `tf`, or a serialized Keras 3 operation."""
    if "python" in source:
        return source["python"]
    if "tensorflow" not in source:
        return keras.saving.deserialize_keras_object({**source})
    found: Any = tf
    for part in source["tensorflow"].split("."):
        found = getattr(found, part, None)
        if found is None:
            raise ModelError(
                f"Expected an operation of TensorFlow {tf.__version__}, got tf.{source['tensorflow']}.",
                "Write a layer in its place.",
            )
    return found


def _filled(value: Any, tensors: Any) -> Any:
    """Arguments with the tensors in their places and constants as they were."""
    if isinstance(value, Mapping):
        restore = _MARKED.get(frozenset(value))
        inner = {key: _filled(item, tensors) for key, item in value.items()}
        return inner if restore is None else restore(inner, tensors)
    if isinstance(value, (list, tuple)):
        return [_filled(inner, tensors) for inner in value]
    return Ellipsis if value == "Ellipsis" else value


# The keys of a mapping that stands for something else, see `edgeswap.graph.operations`, and how to make that.
_MARKED: Mapping[frozenset[str], Any] = {
    frozenset({"tensor"}): lambda marked, tensors: tensors[marked["tensor"]],
    frozenset({"slice"}): lambda marked, _: slice(*marked["slice"]),
    frozenset({"start", "stop", "step"}): lambda marked, _: slice(marked["start"], marked["stop"], marked["step"]),
    frozenset({"ellipsis"}): lambda *_: Ellipsis,
    frozenset({"array", "dtype"}): lambda marked, _: np.asarray(marked["array"], marked["dtype"]),
}

CLASSES: Mapping[str, Any] = {"keras": _layer_class(keras), "tf_keras": _layer_class(tf_keras)}
