"""CIFAR-10 for benchmarks: the photographs, a small MobileNetV2, and the recipe that trains it from the start.

The images are read from the folder that the environment variable EDGESWAP_SHARED names (default `../shared`), from
`data/cifar10_train.zip` and `data/cifar10_validation.zip`: JPEG, 32x32, one folder a class.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.said import keras_classes
from edgeswap.data.load import Dataset, load, stratified_split
from edgeswap.data.preprocess import from_name
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.model.zoo import mobilenet_v2

SHAPE = (32, 32, 3)
CLASSES = 10
PREPROCESS = from_name("unit")
STOPPING_SAMPLES = 2500

# Strides come early: at 32x32 an epoch would take ten times as long.
STAGES = (
    mobilenet_v2.Stage(expansion=1, channels=16, repeats=1, stride=2),
    mobilenet_v2.Stage(expansion=4, channels=24, repeats=2, stride=1),
    mobilenet_v2.Stage(expansion=4, channels=40, repeats=2, stride=2),
)

BATCH_SIZE = 128
FIRST_LEARNING_RATE = 3e-3
LEARNING_RATE_DECAY = 0.88  # a factor an epoch
PATIENCE = 5  # epochs
LARGEST_SHIFT = 2  # pixels

# What the figures of a network trained here hang on.
RECIPE: dict[str, Any] = {
    "STAGES": STAGES,
    "STOPPING_SAMPLES": STOPPING_SAMPLES,
    "BATCH_SIZE": BATCH_SIZE,
    "FIRST_LEARNING_RATE": FIRST_LEARNING_RATE,
    "LEARNING_RATE_DECAY": LEARNING_RATE_DECAY,
    "PATIENCE": PATIENCE,
    "LARGEST_SHIFT": LARGEST_SHIFT,
}

Images = npt.NDArray[np.uint8]


class Cifar(NamedTuple):
    """Three parts without overlap: to train on, to stop the training by, and for the figures alone."""

    train: Dataset
    stopping: Dataset
    figures: Dataset


class Trained(NamedTuple):
    """A trained network and the top-1 on the stopping part after each epoch."""

    model: Any
    stopping_top1: tuple[float, ...]


def load_cifar() -> Cifar:
    """CIFAR-10 in memory: 27,500, 2,500 (a stratified part of the training images) and 5,000 labelled uint8 images.

    Raises:
        DataError: the images are not where EDGESWAP_SHARED says.
    """
    folder = Path(os.environ.get("EDGESWAP_SHARED", "../shared")) / "data"
    train, stopping = stratified_split(_in_memory(folder / "cifar10_train.zip"), STOPPING_SAMPLES, seed=0)
    return Cifar(train, stopping, _in_memory(folder / "cifar10_validation.zip"))


def _in_memory(file: Path) -> Dataset:
    files = load(file, input_shapes={"image": SHAPE}, classes=CLASSES)
    pixels = files.read(np.arange(len(files)))
    return load((pixels, files.labels), input_shapes={"image": SHAPE}, classes=CLASSES)


def network(activation: str, seed: int) -> Any:
    """The untrained network in tf_keras: float32 (N, 32, 32, 3) in 0..1 to logits (N, 10); five inverted residuals.

    The same seed gives the same starting weights whatever the activation is.
    """
    keras.utils.set_random_seed(seed)
    model = mobilenet_v2.build(
        SHAPE,
        CLASSES,
        activation=activation,
        stages=STAGES,
        stem_channels=16,
        last_channels=256,
        momentum=0.95,
        name="cifar",
    )
    return build(canonicalize(read(model)), tf_keras)


def train_until_flat(
    model: Any, train: Dataset, stopping: Dataset, seed: int, *, most_epochs: int | None = None
) -> Trained:
    """A copy of `model` with the weights of its best epoch.

    Adam, cross-entropy, batches of 128, a learning rate that falls by a constant factor an epoch; images are mirrored
    at random and shifted by up to two pixels both ways. Training ends when top-1 on `stopping` has not risen above its
    highest for `PATIENCE` epochs.

    Args:
        model: tf_keras, giving logits; it stays as it is.
        train: labelled uint8 images.
        stopping: labelled uint8 images that are not trained on.
        seed: of the order of the images, the mirroring and the shifts.
        most_epochs: where it ends at the latest.
    """
    with tf_keras.saving.custom_object_scope({type(layer).__name__: type(layer) for layer in model.layers}):
        trained = tf_keras.models.clone_model(model)
    trained.set_weights(model.get_weights())
    random = np.random.default_rng(seed)
    images, labels = train.read(np.arange(len(train))), train.classes
    assert labels is not None
    step = _training_step(trained, len(train) // BATCH_SIZE)
    history: list[float] = []
    best = trained.get_weights()
    for epoch in itertools.count():
        order = random.permutation(len(train))
        pixels = _augmented(images[order], random)
        for start in range(0, len(train) - BATCH_SIZE + 1, BATCH_SIZE):
            batch = slice(start, start + BATCH_SIZE)
            step(PREPROCESS(pixels[batch]), labels[order[batch]])
        history.append(top1(trained, stopping))
        print(f"  epoch {epoch + 1}: {100 * history[-1]:.2f} %", flush=True)
        highest = int(np.argmax(history))
        if highest == epoch:
            best = trained.get_weights()
        if epoch - highest == PATIENCE or epoch + 1 == most_epochs:
            break
    trained.set_weights(best)
    return Trained(trained, tuple(history))


def top1(model: Any, dataset: Dataset) -> float:
    """The share of `dataset` that `model` classifies as labelled."""
    return float(np.mean(keras_classes(model, dataset, PREPROCESS) == dataset.classes))


def _training_step(model: Any, steps_an_epoch: int) -> Any:
    rate = tf_keras.optimizers.schedules.ExponentialDecay(
        FIRST_LEARNING_RATE, steps_an_epoch, LEARNING_RATE_DECAY, staircase=True
    )
    optimizer = tf_keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(images: Any, labels: Any) -> None:
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    return step


def _augmented(images: Images, random: np.random.Generator) -> Images:
    """Each image (N, H, W, C) mirrored or not and moved by up to `LARGEST_SHIFT` pixels, with black moving in."""
    count, height, width, _ = images.shape
    margin = LARGEST_SHIFT
    mirrored = np.where(random.random((count, 1, 1, 1)) < 0.5, images[:, :, ::-1], images)
    padded = np.pad(mirrored, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    tops, lefts = random.integers(0, 2 * margin + 1, (2, count))
    return np.moveaxis(windows[np.arange(count), tops, lefts], 1, -1)
