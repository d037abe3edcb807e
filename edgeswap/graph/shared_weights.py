"""Weights as NumPy arrays that share their memory with TensorFlow's variables, for as long as neither changes.

A large network is read once and built several times on the way to int8. TensorFlow copies the buffer of a variable
before it changes it where anything else refers to it, so that a network that is trained leaves the others as they are.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import keras, tf

_behind: dict[int, Any] = {}  # number of an array that is alive to the tensor whose memory it shows


def arrays_of(layer: Any) -> list[npt.NDArray[Any]]:
    """What `layer.get_weights()` gives, without a copy where the layer has plain variables; not to be written to."""
    if not all(isinstance(weight, (tf.Variable, keras.Variable)) for weight in layer.weights):
        return [np.asarray(array) for array in layer.get_weights()]  # tables of Keras 2's preprocessing
    return [_shown(weight if isinstance(weight, tf.Variable) else weight.value) for weight in layer.weights]


def assign(layer: Any, arrays: list[npt.NDArray[Any]]) -> None:
    """Give a layer weights, as `layer.set_weights(arrays)` does; those from `arrays_of` are not copied."""
    tensors = [_behind.get(id(array)) for array in arrays]
    if any(tensor is None for tensor in tensors):
        layer.set_weights(arrays)
        return
    for variable, tensor in zip(layer.weights, tensors, strict=True):
        variable.assign(tf.cast(tensor, variable.dtype))  # which a tensor of that type comes through as it is


def _shown(variable: Any) -> npt.NDArray[Any]:
    tensor = tf.convert_to_tensor(variable)
    array = np.asarray(tensor)
    _behind[id(array)] = tensor
    weakref.finalize(array, _behind.pop, id(array)).atexit = False
    return array
