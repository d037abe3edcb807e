"""The small networks of the table, untrained, in Keras 3: a float32 image (32, 32, 3) in 0..1 to logits of 10 classes.

Each has what makes its family hard to quantize, and no more: a training takes minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import cifar, efficientnet
from edgeswap.frameworks import keras
from edgeswap.model.zoo import mobilenet_v2

MOMENTUM = 0.95  # of the moving averages of batch normalization: the trainings are short


def mobilenetv2() -> Any:
    """Inverted residuals with relu6: Sandler et al., arXiv:1801.04381."""
    return mobilenet_v2.build(
        cifar.SHAPE,
        cifar.CLASSES,
        activation="relu6",
        stages=cifar.STAGES,
        stem_channels=16,
        last_channels=256,
        momentum=MOMENTUM,
        name="mobilenetv2",
    )


def mobilenetv3() -> Any:
    """Inverted residuals with hard-swish and squeeze-and-excite: Howard et al., arXiv:1905.02244, table 2."""
    image = keras.Input(cifar.SHAPE, name="image")
    x = _conv(image, 16, (3, 2), "hard_silu", "stem")
    rows = ((16, 16, 1, "relu", True), (64, 24, 2, "relu", False), (72, 24, 1, "relu", False))
    for index, (wide, channels, stride, activation, gated) in enumerate(
        (*rows, (96, 40, 2, "hard_silu", True), (160, 40, 1, "hard_silu", True))
    ):
        name, before = f"block_{index}", x
        x = _conv(x, wide, (1, 1), activation, f"{name}_expand")
        x = keras.layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"{name}_depthwise")(x)
        x = keras.layers.Activation(activation, name=f"{name}_act")(_normalized(x, f"{name}_depthwise"))
        if gated:
            gate = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
            gate = keras.layers.Conv2D(wide // 4, 1, activation="relu", name=f"{name}_reduce")(gate)
            gate = keras.layers.Conv2D(wide, 1, activation="hard_sigmoid", name=f"{name}_excite")(gate)
            x = keras.layers.Multiply(name=f"{name}_gated")([x, gate])
        x = _conv(x, channels, (1, 1), None, f"{name}_project")
        if stride == 1 and before.shape[-1] == channels:
            x = keras.layers.Add(name=f"{name}_add")([before, x])
    return _classified(image, _conv(x, 160, (1, 1), "hard_silu", "last"), "mobilenetv3")


def densenet() -> Any:
    """Every layer reads all before it, through concats: Huang et al., arXiv:1608.06993."""
    image = keras.Input(cifar.SHAPE, name="image")
    x = keras.layers.Conv2D(24, 3, 2, "same", use_bias=False, name="stem")(image)
    for stage in range(2):
        for index in range(4):
            name = f"dense_{stage}_{index}"
            y = keras.layers.Activation("relu", name=f"{name}_a")(_normalized(x, f"{name}_a"))
            y = _conv(y, 32, (1, 1), "relu", f"{name}_narrow")
            y = keras.layers.Conv2D(12, 3, 1, "same", use_bias=False, name=f"{name}_conv")(y)
            x = keras.layers.Concatenate(name=f"{name}_concat")([x, y])
        if stage == 0:
            x = keras.layers.Activation("relu", name="transition_act")(_normalized(x, "transition"))
            x = keras.layers.Conv2D(x.shape[-1] // 2, 1, use_bias=False, name="transition_conv")(x)
            x = keras.layers.AveragePooling2D(2, name="transition_pool")(x)
    x = keras.layers.Activation("relu", name="last_act")(_normalized(x, "last"))
    return _classified(image, x, "densenet")


def convnext() -> Any:
    """7x7 depthwise filters, LayerNormalization and GELU: Liu et al., arXiv:2201.03545."""
    image = keras.Input(cifar.SHAPE, name="image")
    x = image
    for stage, channels in enumerate((40, 80)):
        size = 4 if stage == 0 else 2
        if stage:
            x = keras.layers.LayerNormalization(epsilon=1e-6, name=f"down_{stage}_norm")(x)
        x = keras.layers.Conv2D(channels, size, size, name=f"down_{stage}")(x)
        if not stage:
            x = keras.layers.LayerNormalization(epsilon=1e-6, name="stem_norm")(x)
        for index in range(2):
            name = f"block_{stage}_{index}"
            y = keras.layers.DepthwiseConv2D(7, padding="same", name=f"{name}_depthwise")(x)
            y = keras.layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(y)
            y = keras.layers.Dense(4 * channels, activation="gelu", name=f"{name}_wide")(y)
            y = keras.layers.Dense(channels, name=f"{name}_narrow")(y)
            x = keras.layers.Add(name=f"{name}_add")([x, y])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.LayerNormalization(epsilon=1e-6, name="last_norm")(x)
    return keras.Model(image, keras.layers.Dense(cifar.CLASSES, name="classifier")(x), name="convnext")


def vit() -> Any:
    """Attention between 64 patches: Dosovitskiy et al., arXiv:2010.11929.

    Places are told by a depthwise convolution of the patches, Chu et al., arXiv:2102.10882: no layer of our own.
    """
    image = keras.Input(cifar.SHAPE, name="image")
    x = keras.layers.Conv2D(64, 4, 4, name="patches")(image)
    x = keras.layers.Add(name="placed")([x, keras.layers.DepthwiseConv2D(3, padding="same", name="places")(x)])
    x = keras.layers.Reshape((64, 64), name="tokens")(x)
    for index in range(3):
        name = f"block_{index}"
        y = keras.layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)
        y = keras.layers.MultiHeadAttention(4, 16, name=f"{name}_attention")(y, y)
        x = keras.layers.Add(name=f"{name}_attended")([x, y])
        y = keras.layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm_2")(x)
        y = keras.layers.Dense(128, activation="gelu", name=f"{name}_wide")(y)
        x = keras.layers.Add(name=f"{name}_add")([x, keras.layers.Dense(64, name=f"{name}_narrow")(y)])
    x = keras.layers.LayerNormalization(epsilon=1e-6, name="last_norm")(x)
    x = keras.layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(cifar.CLASSES, name="classifier")(x), name="vit")


def unnormalized() -> Any:
    """Convolutions and residuals without any normalization."""
    image = keras.Input(cifar.SHAPE, name="image")
    x = keras.layers.Conv2D(32, 3, 2, "same", activation="relu", name="stem")(image)
    for index, channels in enumerate((32, 64, 64)):
        name, stride = f"block_{index}", 2 if channels != x.shape[-1] else 1
        y = keras.layers.Conv2D(channels, 3, stride, "same", activation="relu", name=f"{name}_first")(x)
        y = keras.layers.Conv2D(channels, 3, 1, "same", name=f"{name}_second")(y)
        if stride != 1:
            x = keras.layers.Conv2D(channels, 1, stride, name=f"{name}_shortcut")(x)
        x = keras.layers.Activation("relu", name=f"{name}_act")(keras.layers.Add(name=f"{name}_add")([x, y]))
    return _classified(image, x, "unnormalized")


def branches() -> Any:
    """Three blocks of two branches each, put together by a concat that a 1x1 convolution reads."""
    image = keras.Input(cifar.SHAPE, name="image")
    x = _conv(image, 24, (3, 2), "relu", "stem")
    for index in range(3):
        name = f"block_{index}"
        wide = _conv(x, 24, (3, 1), "relu", f"{name}_wide")
        narrow = _conv(x, 24, (1, 1), "relu", f"{name}_narrow")
        x = keras.layers.Concatenate(name=f"{name}_concat")([wide, narrow])
        x = _conv(x, 48, (1, 1), "relu", f"{name}_mix")
        if index == 0:
            x = keras.layers.MaxPooling2D(name=f"{name}_pool")(x)
    return _classified(image, x, "branches")


BUILDERS: Mapping[str, Callable[[], Any]] = {
    "mobilenetv2": mobilenetv2,
    "mobilenetv3": mobilenetv3,
    "efficientnetb0": lambda: efficientnet.build(cifar.SHAPE, cifar.CLASSES),
    "densenet": densenet,
    "convnext": convnext,
    "vit": vit,
    "unnormalized": unnormalized,
    "branches": branches,
}


def _conv(x: Any, channels: int, size: tuple[int, int], activation: str | None, name: str) -> Any:
    kernel, stride = size
    x = keras.layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)(x)
    x = _normalized(x, name)
    return x if activation is None else keras.layers.Activation(activation, name=f"{name}_act")(x)


def _normalized(x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)


def _classified(image: Any, x: Any, name: str) -> Any:
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(cifar.CLASSES, name="classifier")(x), name=name)
