"""What a swap does on data."""

import keras_models as models
import numpy as np
import pytest

import edgeswap
from edgeswap.activations.catalog import parse
from edgeswap.evaluation.swap_effects import effects
from edgeswap.frameworks import keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.graph.swap import swap

IMAGES = np.random.default_rng(0).normal(size=(150, 8, 8, 3)).astype(np.float32) * 4


@pytest.mark.slow
def test_ranges_before_and_after_are_those_of_the_activations():
    graph = canonicalize(read(models.sequential(keras)))
    found = effects(graph, swap(graph, parse("relu6")).graph, ["hidden_activation"], [IMAGES])
    (low, high), (low_after, high_after) = found.ranges["hidden_activation"]
    assert -0.2785 < low < 0 < high
    assert low_after == 0
    assert 0 < high_after <= 6
    assert 0 < found.output_move_mean <= found.output_move_max


def test_a_swap_for_itself_moves_nothing():
    graph = canonicalize(read(models.sequential(keras)))
    found = effects(graph, graph, ["hidden_activation"], [IMAGES])
    assert (found.output_move_max, found.top1_agreement) == (0, 1)


@pytest.mark.slow
def test_a_shared_activation_has_the_range_of_all_its_calls():
    graph = canonicalize(read(models.branching(keras)))
    extra = np.zeros((150, 4), np.float32)
    found = effects(graph, graph, ["shared_activation"], [IMAGES, extra])
    (low, high), _ = found.ranges["shared_activation"]
    assert low >= -1
    assert high > 0
    assert found.top1_agreement is None


@pytest.mark.parametrize("count", [1, 64, 65])
def test_any_number_of_samples_will_do(count):
    graph = canonicalize(read(models.sequential(keras)))
    assert effects(graph, graph, ["conv_activation"], [IMAGES[:count]]).output_move_max == 0


@pytest.mark.slow
def test_a_swap_from_python_tells_its_effects_when_it_is_given_data():
    result = edgeswap.swap_activations(models.sequential(keras), "relu6", data=IMAGES)
    assert set(result.effects.ranges) == {"conv_activation", "hidden_activation"}
    assert edgeswap.swap_activations(models.sequential(keras), "relu6").effects is None


@pytest.mark.slow
def test_a_swap_on_the_command_line_shows_them(edgeswap, tiny):
    data = ["--data", tiny / "test.npz", "--preprocess", "unit"]
    ran = edgeswap("swap", tiny / "tiny.keras", "--activation", "relu6", "-o", "new.keras", *data)
    assert ran.code == 0
    assert "range before" in ran.stdout
    assert "0.00 to" in ran.stdout
    assert "Outputs change by" in ran.stdout
    refused = edgeswap("swap", tiny / "tiny.keras", "--activation", "relu6", "-o", "new2.keras", *data[:2])
    assert refused.code == 1
    assert "--preprocess" in refused.stderr
