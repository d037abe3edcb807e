"""The fixed recipe that trains the built-in digits network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import from_name
from edgeswap.errors import DataError
from edgeswap.frameworks import keras, tf
from edgeswap.model.zoo.digits import PREPROCESS
from edgeswap.progress import Progress, Silent

BATCH_SIZE = 32
PEAK_LEARNING_RATE = 3e-3

Images = npt.NDArray[np.float32]


def train(
    model: keras.Model, dataset: Dataset, *, seed: int = 0, epochs: int = 20, progress: Progress | None = None
) -> keras.Model:
    """A copy of `model` trained on `dataset`: Adam, cosine decay, digits shifted by up to one pixel each way.

    The same seed gives the same weights to the last bit on the same machine with the same number of threads.
    It is a loop of its own and not `edgeswap.training.fit.train`, which trains tf_keras models, shifts no images and
    draws the order of the samples otherwise: the example would get other weights, and its int8 model other bytes.

    Args:
        model: what `build` returns; it stays as it is.
        dataset: labelled raw uint8 images (8, 8, 1).
        seed: of the order of the samples and of the shifts.
        epochs: times the dataset is seen.
        progress: where the epochs are announced.

    Raises:
        DataError: the dataset has no labels.
    """
    if dataset.classes is None:
        raise DataError(f"Expected labelled samples to train on, got none in {dataset.source}.", "Use 'digits'.")
    images = from_name(PREPROCESS).as_the_app_does(dataset.read(np.arange(len(dataset))))
    labels = dataset.classes
    batch_size = min(BATCH_SIZE, len(labels))
    steps = len(labels) // batch_size

    trained = keras.models.clone_model(model)
    trained.set_weights(model.get_weights())
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(PEAK_LEARNING_RATE, epochs * steps))
    optimizer.build(trained.trainable_variables)

    @tf.function  # type: ignore[untyped-decorator]
    def train_epoch(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        # The loop over batches is inside the graph: fit() took half as long again for steps this small.
        total = 0.0
        for step in tf.range(steps):
            batch = slice(step * batch_size, (step + 1) * batch_size)
            with tf.GradientTape() as tape:
                loss = loss_of(labels[batch], trained(images[batch], training=True))
            gradients = tape.gradient(loss, trained.trainable_variables)
            optimizer.apply_gradients(zip(gradients, trained.trainable_variables, strict=True))
            total += loss
        return total / tf.cast(steps, tf.float32)

    random = np.random.default_rng(seed)
    with (progress or Silent()).step("Train the digits network", epochs) as step:
        for _ in range(epochs):
            order = random.permutation(len(labels))
            loss = train_epoch(tf.constant(_shifted(images[order], random)), tf.constant(labels[order]))
            step.advance(note=f"loss {float(loss):.3f}")
    return trained


def _shifted(images: Images, random: np.random.Generator) -> Images:
    """Each image (N, H, W, C) moved by -1, 0 or 1 pixel along both axes, with zeros moving in."""
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    tops, lefts = random.integers(0, 3, (2, count))
    return np.moveaxis(windows[np.arange(count), tops, lefts], 1, -1)
