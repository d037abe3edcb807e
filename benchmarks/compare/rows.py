"""The rows of the table: a float network, and what makes it hard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

SEEDS = (0, 1, 2)
TRAINED_ON, EPOCHS = 10_000, 5  # photographs and epochs, of the float networks that are trained here
CALIBRATION_SAMPLES = {"imagenet": 250, "cifar10": 300}
TRAINING_SAMPLES, QAT_EPOCHS = 5_000, 2  # of QAT


class Row(NamedTuple):
    """One float network as all tools get it.

    Attributes:
        network: as `trained.float_model` names it.
        words: what people call it.
        change: of `hard.CHANGES`, which leave the function as it is and make it hard to quantize; None for none.
        weight_scales: what every tool is asked for.
    """

    network: str
    words: str
    change: Literal["rescaled", "outlier_channel", "unequal_concat"] | None = None
    weight_scales: Literal["per-channel", "per-tensor"] = "per-channel"

    @property
    def data(self) -> Literal["imagenet", "cifar10"]:
        """Where its samples come from."""
        return "imagenet" if self.network == "efficientnet_lite0" else "cifar10"

    @property
    def preprocess(self) -> str:
        """How pixels reach it, as `edgeswap export --preprocess` names it."""
        return {"efficientnet_lite0": "symmetric", "resnet8": "raw"}.get(self.network, "unit")


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
    "efficientnet_lite0_rescaled": Row("efficientnet_lite0", "EfficientNet-Lite0, channels rescaled", "rescaled"),
    "mobilenetv2_per_tensor": Row("mobilenetv2", "MobileNetV2, one scale a weight tensor", weight_scales="per-tensor"),
    "mobilenetv2_rescaled": Row("mobilenetv2", "MobileNetV2, channels rescaled", "rescaled"),
    "mobilenetv2_outlier": Row("mobilenetv2", "MobileNetV2, an outlier channel", "outlier_channel"),
    "unnormalized": Row("unnormalized", "residual network without normalization"),
    "unequal_concat": Row("branches", "two branches, unequal concat", "unequal_concat"),
}
