"""The built-in network: it learns, every time, and the same way for the same seed."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from edgeswap.data.load import Dataset, load
from edgeswap.data.preprocess import from_name
from edgeswap.errors import DataError
from edgeswap.frameworks import keras
from edgeswap.model.zoo import digits
from edgeswap.training import digits_recipe as recipe

SHAPES = {"image": (8, 8, 1)}


@pytest.fixture(scope="module")
def train_data() -> Dataset:
    return load("digits", input_shapes=SHAPES, classes=10)


def top1(model: Any) -> float:
    test_data = load("digits/test", input_shapes=SHAPES, classes=10)
    logits = model.predict(from_name("unit")(test_data.read(np.arange(len(test_data)))), batch_size=540, verbose=0)
    return float((logits.argmax(axis=1) == test_data.labels).mean())


def weights_of(model: Any) -> list[Any]:
    return [weight.copy() for weight in model.get_weights()]


class Epochs:
    """A progress that notes what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.total: float | None = None

    def step(self, title: str, total: float | None = None) -> Any:
        self.total = total
        return nullcontext(self)

    def advance(self, amount: float = 1, note: str = "") -> None:
        self.notes.append(note)

    def expect(self, total: float) -> None: ...


def same(one: list[Any], other: list[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.slow
def test_it_is_an_ordinary_functional_keras_model_that_gives_logits() -> None:
    model = digits.build()
    assert isinstance(model, keras.Model)
    assert (model.input_shape, model.output_shape) == ((None, 8, 8, 1), (None, 10))
    assert sum(isinstance(layer, keras.layers.DepthwiseConv2D) for layer in model.layers) == 5
    assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == 3
    swish = [layer for layer in model.layers if isinstance(layer, keras.layers.Activation)]
    assert {layer.get_config()["activation"] for layer in swish} == {"silu"}
    assert model.layers[-1].get_config()["activation"] == "linear"


@pytest.mark.slow
def test_the_seed_decides_the_weights_it_starts_from() -> None:
    assert same(weights_of(digits.build(seed=3)), weights_of(digits.build(seed=3)))
    assert not same(weights_of(digits.build(seed=3)), weights_of(digits.build(seed=4)))


@pytest.mark.slow
def test_one_seed_gives_one_network_and_the_given_model_stays(train_data: Dataset) -> None:
    keras.utils.set_random_seed(1)
    layers = keras.layers  # the digits network's own take ten times as long to trace
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(10)])
    before = weights_of(model)
    epochs = Epochs()
    first = recipe.train(model, train_data, seed=1, epochs=4, progress=epochs)
    again = recipe.train(model, train_data, seed=1, epochs=4)
    other = recipe.train(model, train_data, seed=2, epochs=4)
    assert same(weights_of(model), before)
    assert same(weights_of(first), weights_of(again))
    assert not same(weights_of(first), weights_of(other))
    assert top1(first) > 0.5
    assert len(epochs.notes) == epochs.total == 4
    assert all(note.startswith("loss ") for note in epochs.notes)


def test_unlabelled_data_are_refused(train_data: Dataset) -> None:
    unlabelled = load(train_data.read(range(8)), input_shapes=SHAPES)
    with pytest.raises(DataError, match="labelled"):
        recipe.train(digits.build(), unlabelled)


def test_shifts_move_an_image_by_at_most_one_pixel() -> None:
    image = np.zeros((500, 8, 8, 1), np.float32)
    image[:, 3, 4] = 1
    shifted = recipe._shifted(image, np.random.default_rng(0))
    assert shifted.shape == image.shape
    _, rows, columns, _ = np.nonzero(shifted)
    assert len(rows) == 500
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {(r, c) for r in (2, 3, 4) for c in (3, 4, 5)}


@pytest.mark.slow
@pytest.mark.rare  # of seed 0 test_pipeline.py's exports say so too
@pytest.mark.parametrize("seed", range(5))
def test_it_reaches_97_percent(seed: int, train_data: Dataset) -> None:
    assert top1(recipe.train(digits.build(seed=seed), train_data, seed=seed)) >= 0.97
