"""The rows of the table: a float network, what makes it hard, and the samples that all tools are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.compare import hard
from benchmarks.compare.trained import PRETRAINED, float_model, photographs, shared
from edgeswap.data.class_names import read_names
from edgeswap.data.load import load
from edgeswap.graph.ir import Graph

CALIBRATION_SAMPLES = {"imagenet": 250, "cifar10": 300}
TRAINING_SAMPLES = 5000  # of QAT
SEEDS = (0, 1, 2)

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Row(NamedTuple):
    """One float network as all tools get it.

    Attributes:
        network: as `trained.float_model` names it.
        words: what people call it.
        change: a change that leaves the function as it is and makes it hard to quantize; None for none.
        weight_scales: what every tool is asked for.
    """

    network: str
    words: str
    change: Callable[[Graph], Graph] | None = None
    weight_scales: Literal["per-channel", "per-tensor"] = "per-channel"

    @property
    def data(self) -> Literal["imagenet", "cifar10"]:
        """Where its samples come from."""
        return "imagenet" if self.network == "efficientnet_lite0" else "cifar10"

    @property
    def preprocess(self) -> str:
        """How pixels reach it, as `edgeswap export --preprocess` names it."""
        return {"efficientnet_lite0": "symmetric", "resnet8": "raw"}.get(self.network, "unit")

    @property
    def seeded(self) -> bool:
        """Whether the network itself differs between seeds; if not, its calibration samples still do."""
        return self.network not in PRETRAINED


ROWS: Mapping[str, Row] = {
    "efficientnet_lite0": Row("efficientnet_lite0", "EfficientNet-Lite0, ImageNet"),
    "resnet8": Row("resnet8", "ResNet8 of MLPerf Tiny"),
    "mobilenetv2": Row("mobilenetv2", "MobileNetV2, relu6"),
    "mobilenetv3": Row("mobilenetv3", "MobileNetV3-like, hard-swish and gates"),
    "efficientnetb0": Row("efficientnetb0", "EfficientNetB0-like, swish and gates"),
    "densenet": Row("densenet", "DenseNet-like, concats"),
    "convnext": Row("convnext", "ConvNeXt-like, LayerNormalization and GELU"),
    "vit": Row("vit", "ViT, attention"),
    "efficientnet_lite0_per_tensor": Row(
        "efficientnet_lite0", "EfficientNet-Lite0, one scale a weight tensor", weight_scales="per-tensor"
    ),
    "efficientnet_lite0_rescaled": Row("efficientnet_lite0", "EfficientNet-Lite0, channels rescaled", hard.rescaled),
    "mobilenetv2_per_tensor": Row("mobilenetv2", "MobileNetV2, one scale a weight tensor", weight_scales="per-tensor"),
    "mobilenetv2_rescaled": Row("mobilenetv2", "MobileNetV2, channels rescaled", hard.rescaled),
    "mobilenetv2_outlier": Row("mobilenetv2", "MobileNetV2, an outlier channel", hard.outlier_channel),
    "unnormalized": Row("unnormalized", "residual network without normalization"),
    "unequal_concat": Row("branches", "two branches, unequal concat", hard.unequal_concat),
}


class Samples(NamedTuple):
    """The samples of a row and seed; no sample is in two of the three parts.

    Attributes:
        calibration: uint8 (N, H, W, 3), without labels.
        test: those that the figures are of, the same for every seed.
        labels: of the test samples.
        train: for QAT alone, and with their labels; None where there are none to train on.
    """

    calibration: Pixels
    test: Pixels
    labels: Labels
    train: tuple[Pixels, Labels] | None


def samples(row: Row, seed: int) -> Samples:
    """The samples that all tools get."""
    count = CALIBRATION_SAMPLES[row.data]
    random = np.random.default_rng(seed)
    if row.data == "imagenet":
        pixels, labels = _imagenet()
        order = np.random.default_rng(0).permutation(len(pixels))  # as in benchmarks.budget: the same test photographs
        test, others = order[:-count], order[-count:]
        return Samples(pixels[random.permutation(others)], pixels[np.sort(test)], labels[np.sort(test)], None)
    data = photographs()
    assert data.train.classes is not None
    assert data.figures.classes is not None
    rows = random.permutation(len(data.train))
    calibration, train = rows[:count], rows[count : count + TRAINING_SAMPLES]
    return Samples(
        np.asarray(data.train.read(calibration)),
        np.asarray(data.figures.read(np.arange(len(data.figures)))),
        np.asarray(data.figures.classes),
        (np.asarray(data.train.read(train)), np.asarray(data.train.classes)[train]),
    )


@cache
def _imagenet() -> tuple[Pixels, Labels]:
    model: Any = float_model("efficientnet_lite0", 0, Path())
    names = shared() / "data" / "imagenet_wnids.txt"
    data = load(
        str(shared() / "data" / "imagenet_500.zip"),
        input_shapes={model.inputs[0].name: tuple(model.inputs[0].shape[1:])},
        classes=1000,
        class_names=read_names(names, 1000),
        names_from=str(names),
    )
    return np.asarray(data.read(np.arange(len(data)))), np.asarray(data.classes)
