"""Weights as NumPy arrays that share their memory with TensorFlow's variables, for as long as neither changes.

A large network is read once and built several times on the way to int8. TensorFlow copies the buffer of a variable
before it changes it where anything else refers to it, so that a network that is trained leaves the others as they are.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import keras, tf
from edgeswap.graph.ir import Graph

SHARED_FROM_BYTES = 2**20  # smaller weights are copied, as Keras does it
_behind: dict[int, Any] = {}  # number of an array that is alive to the tensor whose memory it shows


def arrays_of(layer: Any) -> list[npt.NDArray[Any]]:
    """What `layer.get_weights()` gives, without a copy of large plain variables; not to be written to."""
    plain = all(isinstance(weight, (tf.Variable, keras.Variable)) for weight in layer.weights)
    if not plain or not any(map(_is_large, layer.weights)):
        return [np.asarray(array) for array in layer.get_weights()]
    return [_shown(weight if isinstance(weight, tf.Variable) else weight.value) for weight in layer.weights]


def assign(layer: Any, arrays: list[npt.NDArray[Any]]) -> None:
    """Give a layer weights, as `layer.set_weights(arrays)` does; those from `arrays_of` are not copied."""
    tensors = [_behind.get(id(array)) for array in arrays]
    if not tensors or any(tensor is None for tensor in tensors):
        layer.set_weights(arrays)
        return
    for variable, tensor in zip(layer.weights, tensors, strict=True):
        variable.assign(tf.cast(tensor, variable.dtype))  # which a tensor of that type comes through as it is
    for part in layer._flatten_layers():  # as `set_weights` of Keras 2 ends
        if hasattr(part, "finalize_state"):
            part.finalize_state()


def with_shared_weights(graph: Graph) -> Graph:
    """The graph with each large weight that has a memory of its own, as a pass makes it, in one that networks share."""
    layers = {name: layer for name, layer in graph.layers.items() if any(map(_is_large_and_own, layer.weights))}
    return graph.with_layers(
        {
            name: replace(
                layer, weights=tuple(_shown(array) if _is_large_and_own(array) else array for array in layer.weights)
            )
            for name, layer in layers.items()
        }
    )


def _is_large(weight: Any) -> bool:
    return bool(4 * math.prod(weight.shape) >= SHARED_FROM_BYTES)


def _is_large_and_own(array: npt.NDArray[Any]) -> bool:
    return _is_large(array) and id(array) not in _behind


def _shown(values: Any) -> npt.NDArray[Any]:
    tensor = tf.convert_to_tensor(values)
    array = np.asarray(tensor)
    _behind[id(array)] = tensor
    array.flags.writeable = False
    weakref.finalize(array, _behind.pop, id(array)).atexit = False
    return array
