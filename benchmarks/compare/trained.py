"""The float networks of the table: given with their weights, or trained here once and kept in a cell."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cifar
from benchmarks.cells import Arrays, cell, weights_of, with_weights
from benchmarks.compare.networks import BUILDERS
from benchmarks.compare.rows import EPOCHS, TRAINED_ON
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.model.load import load_model

PRETRAINED = {"efficientnet_lite0": "efficientnet_lite0.keras", "resnet8": "mlperf_tiny_resnet8.h5"}


def shared() -> Path:
    """The folder with the networks that were given, and the photographs."""
    return Path(os.environ.get("EDGESWAP_SHARED", "../shared"))


@cache
def photographs() -> cifar.Cifar:
    """CIFAR-10, read once a process; the training part in an order of chance."""
    data = cifar.load_cifar()
    order = np.random.default_rng(0).permutation(len(data.train))
    return data._replace(train=data.train.subset(order))


def float_model(network: str, seed: int, folder: Path) -> Any:
    """The trained network: as it was given, whatever the seed is; else Keras 3, from its cell, or trained to it."""
    if network in PRETRAINED:
        return load_model(shared() / "models" / PRETRAINED[network])
    keras.utils.set_random_seed(seed)
    model = BUILDERS[network]()
    shapes = [weight.shape for weight in model.get_weights()]

    def make() -> Arrays:
        data = photographs()
        twin = build(canonicalize(read(model)), tf_keras)
        trained = cifar.train_until_flat(
            twin, data.train.subset(np.arange(TRAINED_ON)), data.stopping, seed, most_epochs=EPOCHS
        )
        return with_weights({"stopping_top1": np.array(trained.stopping_top1)}, trained.model.get_weights())

    recipe = {**cifar.RECIPE, "shapes": shapes, "trained on": TRAINED_ON, "epochs": EPOCHS}
    model.set_weights(weights_of(cell(folder, f"{network}-seed{seed}", recipe, make)))
    return model
