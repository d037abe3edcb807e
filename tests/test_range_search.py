"""Ends of ranges go where the readers of a tensor lose least, and where nothing else has set them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.placement import place
from edgeswap.quantization.range_search import search_ranges
from edgeswap.quantization.ranges import Ends, resolve
from edgeswap.quantization.specification import Policy

layers = keras.layers
RANDOM = np.random.default_rng(0)
# The first of two values is at most 1, the second some 150.
SAMPLES = np.stack([RANDOM.uniform(0, 1, 400), 50 * np.abs(RANDOM.normal(size=400))], axis=1).astype(np.float32)
FIRST_ALONE = keras.initializers.Constant([[1.0], [0.0]])


def searched(behind: Callable[[Any], Any], policy: Policy = "auto") -> tuple[dict[str, Ends], dict[str, Ends]]:
    """The ranges of a network whose layer `pair` gives the samples, before and after the search."""
    inputs = keras.Input((2,), name="samples")
    pair = layers.Dense(2, kernel_initializer="identity", name="pair")(inputs)
    placement = place(canonicalize(read(keras.Model(inputs, behind(pair)))), input_ranges={"samples": None})
    observed = dict.fromkeys(placement.outputs, (0.0, float(SAMPLES.max())))
    ranges = resolve(placement, observed, policy, trains=False)
    return ranges, search_ranges(placement, ranges, [SAMPLES])


def test_values_that_the_reader_does_not_look_at_get_no_steps() -> None:
    before, after = searched(layers.Dense(1, kernel_initializer=FIRST_ALONE, name="head"))
    assert before["pair"].high.value > 100
    assert after["pair"].high.how == "searched"
    assert 1 <= after["pair"].high.value < 3


def test_a_tensor_that_an_operation_reads_is_compared_itself() -> None:
    before, after = searched(lambda pair: keras.ops.max(pair, axis=-1))
    # What would be cut off is far more than the rounding of all others.
    assert after["pair"].high.value > before["pair"].high.value / 3


def test_both_ends_of_a_range_around_zero_are_moved() -> None:
    """Each end may come as near to zero as the other one leaves the range wide enough."""
    inputs = keras.Input((2,), name="samples")
    pair = layers.Dense(2, kernel_initializer="identity", name="pair")(inputs)
    placement = place(
        canonicalize(read(keras.Model(inputs, layers.Dense(1, kernel_initializer=FIRST_ALONE)(pair)))),
        input_ranges={"samples": None},
    )
    samples = np.concatenate([SAMPLES, -SAMPLES])
    observed = dict.fromkeys(placement.outputs, (float(samples.min()), float(samples.max())))
    after = search_ranges(placement, resolve(placement, observed, "auto", trains=False), [samples])["pair"]
    assert (after.low.how, after.high.how) == ("searched", "searched")
    assert 1 <= after.high.value < 3
    assert -3 < after.low.value <= -1


def test_a_fixed_end_stays() -> None:
    def behind(pair: Any) -> Any:
        small = layers.ReLU(6.0, name="small")(layers.Dense(1, kernel_initializer=FIRST_ALONE, name="first")(pair))
        return layers.Dense(1, name="head")(small)

    before, after = searched(behind, "fixed")
    assert (before["small"].high.value, before["small"].high.how) == (6.0, "fixed")
    assert after["small"] == before["small"]
