"""Tensors within an activation: their int8 ranges come from all calibration samples, not from the first one alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import edgeswap
from edgeswap.frameworks import keras
from edgeswap.tflite.flatbuffer import read, tensors
from tests.models import classifier

pytestmark = pytest.mark.slow


def ranges(tflite_model: bytes) -> dict[str, Any]:
    found = tensors(read(tflite_model))
    return {tensor.name: (tensor.scales, tensor.zero_points) for tensor in found if len(tensor.scales) == 1}


OTHERS = ("hard_sigmoid(slope=0.2)", "selu", "swish(beta=1.5)")


@pytest.mark.parametrize(
    "activation", ["hard_sigmoid", "softplus", *(pytest.param(kind, marks=pytest.mark.rare) for kind in OTHERS)]
)
def test_they_do_not_depend_on_which_sample_comes_first(activation: str) -> None:
    keras.utils.set_random_seed(0)
    model = classifier(keras)
    samples = np.random.default_rng(0).normal(size=(64, *model.input_shape[1:])).astype(np.float32)
    samples[0] *= 0.01  # a dark one: by it alone a range would end at a hundredth
    options: dict[str, Any] = {"activation": activation, "method": "ptq", "recover_epochs": 0, "preprocess": "none"}
    one, other = (
        edgeswap.export(model, data=order, calibration=order, cache=False, measure=False, **options).tflite
        for order in (samples, np.ascontiguousarray(samples[::-1]))
    )
    assert one is not None
    assert other is not None
    assert ranges(one) == ranges(other)
