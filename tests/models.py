"""Tiny Keras models for whole runs: trained far enough that the float model is above chance, in a second or two."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from edgeswap.data.load import load
from edgeswap.data.preprocess import from_name

SAMPLES = {"train": 240, "test": 80}


def digits(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Some digits: pixels uint8 (N, 8, 8, 1) and labels int64 (N,), of the built-in training or test split."""
    name = {"train": "digits", "test": "digits/test"}[part]
    chosen = load(name, input_shapes={"x": (8, 8, 1)}, classes=10).subset(np.arange(SAMPLES[part]))
    return chosen.read(np.arange(len(chosen))), chosen.labels


def classifier(framework: ModuleType, *, rescaling: bool = False, extra: Any = None, inputs: int = 1) -> Any:
    """A network of two layers and a swish, trained on pixels in 0..1 (with `rescaling` on pixels in 0..255).

    `extra` is one more layer before the last; with two `inputs` the second is the image's mean, shape (1,).
    """
    layers = framework.layers
    framework.utils.set_random_seed(0)
    image = framework.Input((8, 8, 1), name="image")
    tensors = [image]
    x = layers.Rescaling(1 / 255, name="rescaling")(image) if rescaling else image
    x = layers.Conv2D(8, 3, strides=2, name="conv")(x)
    x = layers.Activation("swish", name="act")(x)
    x = layers.Flatten(name="flat")(x)
    if inputs == 2:
        tensors.append(framework.Input((1,), name="mean"))
        x = layers.Concatenate(name="join")([x, tensors[1]])
    x = extra(x) if extra is not None else x
    model = framework.Model(tensors if inputs == 2 else image, layers.Dense(10, name="logits")(x), name="tiny")
    pixels, labels = digits("train")
    images = from_name("raw" if rescaling else "unit")(pixels)
    loss = framework.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(framework.optimizers.Adam(1e-2), loss, jit_compile=False)  # XLA takes longer than the steps
    given = [images, means(images)] if inputs == 2 else images
    model.fit(given, labels, batch_size=32, epochs=8, verbose=0)
    return model


def means(images: np.ndarray) -> np.ndarray:
    """The second input of the network with two."""
    return images.mean(axis=(1, 2)).astype(np.float32)


def write_npz(path: Path, part: str, **changed: Any) -> Path:
    """The digits of a part as an .npz with `x` and `y`; `changed` replaces arrays, and None leaves one out."""
    x, y = digits(part)
    arrays = {"x": x, "y": y} | changed
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path
