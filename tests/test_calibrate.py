"""The extremes that calibration notes are those of the float model's tensors, and no range is made of NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate, sample_extremes
from edgeswap.quantization.placement import Placement, place

SAMPLES = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    """A dense layer, one that is called twice, and a head."""
    keras.utils.set_random_seed(0)
    features = keras.Input((4,), name="features")
    twice = keras.layers.Dense(4, name="twice")
    first = keras.layers.Dense(4, name="first")(features)
    return keras.Model(features, keras.layers.Dense(3, name="head")(twice(twice(first))))


@pytest.fixture(scope="module")
def placement(model: Any) -> Placement:
    return place(canonicalize(read(model)), input_ranges={"features": None})


def tensors(model: Any) -> dict[str, list[np.ndarray]]:
    """Layer name to what it gives, call by call."""
    first, twice, head = (model.get_layer(name) for name in ("first", "twice", "head"))
    given = [first(SAMPLES)]
    for layer in (twice, twice, head):
        given.append(layer(given[-1]))
    arrays = [np.asarray(one) for one in given]
    return {"features_range": [SAMPLES], "first": arrays[:1], "twice": arrays[1:3], "head": arrays[3:]}


@pytest.mark.parametrize("batch_size", [None, 3])
def test_extremes_are_those_of_all_samples_and_calls_with_zero(
    model: Any, placement: Placement, batch_size: int | None
) -> None:
    """In batches of 3 the last one has 1 sample."""
    found = calibrate(placement, [SAMPLES], batch_size=batch_size)
    joined = {name: np.concatenate(each) for name, each in tensors(model).items()}
    wanted = {name: (min(0.0, values.min()), max(0.0, values.max())) for name, values in joined.items()}
    assert found.keys() == wanted.keys()
    for name, ends in wanted.items():
        np.testing.assert_allclose(found[name], ends, rtol=1e-5)  # sums of four products in another order


def test_each_sample_has_extremes_of_its_own(model: Any, placement: Placement) -> None:
    low, high = sample_extremes(placement)([SAMPLES])
    given = tensors(model)
    assert low.shape == high.shape == (len(SAMPLES), len(given))
    for number, name in enumerate(placement.outputs):
        both = np.concatenate(given[name], axis=1)
        np.testing.assert_allclose(low[:, number], np.minimum(both.min(axis=1), 0), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(high[:, number], np.maximum(both.max(axis=1), 0), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_layer_that_gives_no_number_is_named(placement: Placement, value: float) -> None:
    broken = SAMPLES.copy()
    broken[5, 2] = value
    with pytest.raises(ModelError, match="NaN or infinity from 'first'"):
        calibrate(placement, [broken], batch_size=3)
    with pytest.raises(ModelError, match="NaN or infinity from 'first'"):
        sample_extremes(placement)([broken])
