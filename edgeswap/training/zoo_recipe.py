"""How each small network of the zoo is trained, in a minute or so on two cores, and on which samples.

Training canvases hold training digits, and test canvases test digits; no digit is in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from edgeswap.data.canvas import Canvases, draw, key_points, present
from edgeswap.data.load import load
from edgeswap.frameworks import keras, tf
from edgeswap.model.zoo import autoencoder, keypoints, ssd, two_digits, two_outputs, unet
from edgeswap.system.random_state import kept_random_state

BATCH_SIZE = 32
PEAK_LEARNING_RATE = 3e-3
TRAIN_SAMPLES = 2000
TEST_SAMPLES = 400
PREPROCESS = "unit"

Array = npt.NDArray[Any]
Part = Literal["digits", "digits/test"]


class Samples(NamedTuple):
    """Samples in the form that `edgeswap.export` takes as `data`.

    Attributes:
        x: uint8 (N, size, size, 1).
        y: labels as the task takes them.
    """

    x: Array
    y: Any


@dataclass(frozen=True)
class Recipe:
    """One network of the zoo.

    Attributes:
        build: the untrained network of a seed.
        samples: labelled samples: of a part of the digits, so many, by a seed.
        targets: from `Samples` to what the losses take, one array for each output.
        losses: one for each output.
        epochs: of the training.
        drawn: training samples, if not said otherwise.
        options: keywords of `edgeswap.export` beside model and data.
    """

    build: Callable[..., keras.Model]
    samples: Callable[[Part, int, int], Samples]
    targets: Callable[[Samples], list[Array]]
    losses: tuple[Any, ...]
    epochs: int
    drawn: int = TRAIN_SAMPLES
    options: Mapping[str, Any] = field(default_factory=dict)


def train(name: str, *, seed: int = 0, samples: int | None = None, epochs: int | None = None) -> keras.Model:
    """The network of `RECIPES` of this name, trained by Adam with a cosine decay; it takes pixels in 0..1.

    Args:
        name: a key of `RECIPES`.
        seed: of the initial weights, the order of the samples and what is drawn on them.
        samples: to train on; None takes the recipe's.
        epochs: None takes the recipe's.

    Raises:
        KeyError: there is no such network.
    """
    recipe = RECIPES[name]
    given = recipe.samples("digits", recipe.drawn if samples is None else samples, seed)
    x, targets = given.x.astype(np.float32) / 255, recipe.targets(given)
    epochs = recipe.epochs if epochs is None else epochs
    model = recipe.build(seed=seed)
    steps = epochs * -(-len(x) // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(PEAK_LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(schedule), loss=list(recipe.losses), steps_per_execution=8)
    with kept_random_state():
        keras.utils.set_random_seed(seed)
        model.fit(x, targets, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


def _digits(part: Part) -> tuple[Array, Array]:
    data = load(part, input_shapes={"image": (8, 8, 1)}, classes=10)
    assert data.classes is not None
    return data.read(np.arange(len(data))), data.classes


def _canvases(size: int, label: Callable[[Canvases], Any], **what: Any) -> Callable[[Part, int, int], Samples]:
    def samples(part: Part, count: int, seed: int) -> Samples:
        canvases = draw(*_digits(part), count, size=size, seed=seed, **what)
        return Samples(canvases.images, label(canvases))

    return samples


def _place(canvases: Canvases) -> dict[str, Array]:
    boxes = canvases.boxes[:, 0]
    return {"digit": boxes[:, 4].astype(np.int64), "place": (boxes[:, :2] + boxes[:, 2:4]) / 2}


def _anomalies(part: Part, count: int, seed: int) -> Samples:
    """Single digits; those of the training part have no anomaly among them."""
    images, classes = _digits(part)
    rows = np.random.default_rng(seed).permutation(
        np.flatnonzero(classes != autoencoder.ANOMALY) if part == "digits" else len(classes)
    )[:count]
    return Samples(images[rows], (classes[rows] == autoencoder.ANOMALY).astype(np.int64))


def _place_error(wanted: Any, given: Any) -> Any:
    """Squared error of places, which are shares: enlarged to weigh as much as the class beside them."""
    return 10 * tf.reduce_mean(tf.math.squared_difference(wanted, given), axis=-1)


def _box_error(wanted: Any, offsets: Any) -> Any:
    """Huber's error of the anchors that have a box; `wanted` is (n, 80, 5), whose last value says which have one."""
    has_box = wanted[..., 4]
    error = tf.abs(wanted[..., :4] - offsets)
    huber = tf.reduce_sum(tf.where(error < 1, 0.5 * error**2, error - 0.5), axis=-1)
    return tf.reduce_sum(huber * has_box, axis=-1)


def _class_error(wanted: Any, logits: Any) -> Any:
    """Cross-entropy of all anchors: few have a box, so each weighs ten times as much as one of the background."""
    wanted = tf.cast(tf.reshape(wanted, tf.shape(logits)[:2]), tf.int32)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits)
    return tf.reduce_sum(each * tf.where(wanted > 0, 1.0, 0.1), axis=-1)


RECIPES: dict[str, Recipe] = {
    "autoencoder": Recipe(
        autoencoder.build, _anomalies, lambda given: [given.x.astype(np.float32) / 255], ("mse",), 40
    ),
    "keypoints": Recipe(
        keypoints.build, _canvases(keypoints.SIZE, key_points, scales=(1, 2)), lambda given: [given.y], ("mse",), 20
    ),
    "two_outputs": Recipe(
        two_outputs.build,
        _canvases(two_outputs.SIZE, _place),
        lambda given: [given.y["digit"], given.y["place"]],
        ("sparse_categorical_crossentropy", _place_error),
        30,
        2 * TRAIN_SAMPLES,  # with half of them two nets of three have a third of the places right
        {"metric": two_outputs.right},
    ),
    "two_digits": Recipe(
        two_digits.build,
        _canvases(two_digits.SIZE, present, least=2, most=2),
        lambda given: [given.y],
        ("binary_crossentropy",),
        20,
    ),
    "unet": Recipe(
        unet.build,
        _canvases(unet.SIZE, lambda canvases: canvases.masks, most=3),
        lambda given: [given.y],
        ("sparse_categorical_crossentropy",),
        15,
    ),
    "ssd": Recipe(
        ssd.build,
        _canvases(ssd.SIZE, lambda canvases: canvases.boxes, most=4, scales=(1, 2)),
        lambda given: list(ssd.encode(given.y)),
        (_box_error, _class_error),
        25,
        options={"decode": ssd.decode},
    ),
}
