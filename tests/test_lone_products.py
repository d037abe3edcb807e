"""A product that alone reads a tensor is converted: with a fake-quant on that tensor the converter fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap
from edgeswap.frameworks import keras

pytestmark = pytest.mark.slow
layers = keras.layers


def einsum(x: Any) -> Any:
    return layers.EinsumDense("abc,cd->abd", (8, 6), bias_axes="d")(x)


def query(x: Any) -> Any:
    """The query and the value are of other tensors; both are normalized."""
    value = layers.LayerNormalization()(layers.Dense(12)(x))
    return layers.MultiHeadAttention(2, 8)(layers.LayerNormalization()(x), value)


@pytest.mark.parametrize("write", [einsum, lambda x: einsum(layers.Dense(12)(x)), query])
def test_it_is_converted_and_keeps_what_float_gives(write: Any) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 12))
    model = keras.Model(inputs, layers.Dense(3)(write(inputs)))
    samples = np.random.default_rng(0).normal(size=(160, 8, 12)).astype(np.float32)
    data = (samples, model.predict(samples, verbose=0))
    result = edgeswap.export(model, data=data, preprocess="none", method="ptq", cache=False)
    assert result.report.int8.float_tensors == 0
    (output,) = result.report.comparison.outputs
    assert output.snr_db > 24  # that of seven bits, 42 dB, less what five or six tensors of as many bits add
