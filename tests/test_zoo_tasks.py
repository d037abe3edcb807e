"""The small networks of the zoo, one for each task: what they take and give, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.frameworks import keras
from edgeswap.model.zoo import ssd, two_outputs
from edgeswap.tasks.box_precision import matches, mean_average_precision
from edgeswap.training import zoo_recipe
from edgeswap.training.zoo_recipe import RECIPES

OUTPUTS = {
    "autoencoder": [(None, 8, 8, 1)],
    "keypoints": [(None, 6)],
    "two_outputs": [(None, 10), (None, 2)],
    "two_digits": [(None, 10)],
    "unet": [(None, 24, 24, 11)],
    "ssd": [(None, 80, 4), (None, 80, 11)],
}


def test_there_is_one_for_each_of_these_tasks() -> None:
    assert RECIPES.keys() == OUTPUTS.keys()


@pytest.mark.parametrize("name", RECIPES)
def test_it_is_an_ordinary_keras_model_and_its_samples_and_targets_fit(name: str) -> None:
    recipe = RECIPES[name]
    model = recipe.build(seed=1)
    assert isinstance(model, keras.Model)
    assert model.count_params() < 100_000
    assert [tuple(output.shape) for output in model.outputs] == OUTPUTS[name]
    again = recipe.build(seed=1).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again, strict=True))
    samples = recipe.samples("digits", 6, 0)
    assert samples.x.dtype == np.uint8
    assert samples.x.shape == (6, *model.input_shape[1:])
    assert [len(array) for array in recipe.targets(samples)] == [6] * len(model.outputs)


def test_the_autoencoder_never_sees_the_anomaly() -> None:
    samples = RECIPES["autoencoder"].samples
    assert not samples("digits", 2000, 0).y.any()
    assert 0.05 < samples("digits/test", 2000, 0).y.mean() < 0.15


def test_boxes_come_back_from_what_the_outputs_shall_be() -> None:
    labels = RECIPES["ssd"].samples("digits", 30, 0).y
    offsets, classes = ssd.encode(labels)
    boxes, scores, digits = ssd.decode([offsets[..., :4], 20.0 * np.eye(ssd.CLASSES)[classes]])
    assert boxes.shape == (30, ssd.MOST, 4)
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    assert mean_average_precision(matches(boxes, scores, digits, labels)) > 0.98


def test_of_two_boxes_that_overlap_the_better_stays() -> None:
    offsets, logits = np.zeros((1, 80, 4)), np.zeros((1, 80, ssd.CLASSES))
    logits[..., 0] = 20.0
    offsets[0, 1, 1] = -0.5  # onto its neighbour on the left, whose anchor is half a side away
    logits[0, 0, 3], logits[0, 1, 4] = 30.0, 25.0
    _, scores, digits = ssd.decode([offsets, logits])
    assert digits[0, 0] == 2
    assert scores[0, 0] > 0.9
    assert scores[0, 1] < 0.1


def test_both_outputs_must_be_right() -> None:
    digit, place = np.eye(10)[[3, 3, 3]], np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.9]])
    labels = {"digit": np.array([3, 4, 3]), "place": np.full((3, 2), 0.5)}
    assert two_outputs.right([digit, place], labels).tolist() == [True, False, False]


@pytest.mark.slow
def test_a_seed_decides_the_trained_network_and_it_learns() -> None:
    recipe = RECIPES["autoencoder"]
    samples = recipe.samples("digits/test", 200, 0)
    x = samples.x.astype(np.float32) / 255
    models = [
        recipe.build(seed=0),
        *(zoo_recipe.train("autoencoder", samples=300, epochs=6) for _ in range(2)),
    ]
    errors = [float(((np.asarray(model(x, training=False)) - x) ** 2).mean()) for model in models]
    assert errors[1] == errors[2] < errors[0] / 1.5
