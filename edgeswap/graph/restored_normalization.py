"""A tf_keras model with the normalizations of its inputs put back that were taken out of its graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeswap.frameworks import tf_keras
from edgeswap.graph.feature_normalization import FeatureNormalization


def with_normalizations(model: Any, normalizations: Mapping[str, FeatureNormalization]) -> Any:
    """The same function of the values as they were given; without normalizations the model itself.

    Args:
        model: functional tf_keras, of inputs that are normalized.
        normalizations: by input name.
    """
    if not normalizations:
        return model
    given = [
        tf_keras.Input(tensor.shape[1:], name=name)
        for name, tensor in zip(model.input_names, model.inputs, strict=True)
    ]
    taken = [
        _normalized(tensor, normalizations.get(name)) for name, tensor in zip(model.input_names, given, strict=True)
    ]
    # A model may have the name of its input, and a layer may not.
    inner = tf_keras.Model(model.inputs, model.outputs, name=f"{model.name}_of_normalized")
    return tf_keras.Model(given, inner(taken if len(taken) > 1 else taken[0]), name=model.name)


def _normalized(tensor: Any, normalization: FeatureNormalization | None) -> Any:
    """A negative deviation, as a Rescaling may have, is no standard deviation: scale and offset are written then."""
    if normalization is None:
        return tensor
    mean, deviation = np.array(normalization.mean), np.array(normalization.deviation)
    return tf_keras.layers.Rescaling((1 / deviation).tolist(), (-mean / deviation).tolist())(tensor)
