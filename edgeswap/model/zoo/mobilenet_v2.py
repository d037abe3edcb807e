"""MobileNetV2 in Keras 3, with any number and shape of blocks and any activation of the catalog.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381. Where the paper is silent
(rounding of channels, padding before a stride, epsilon) this follows `keras.applications`, so that weights go over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from edgeswap.activations.catalog import Activation, parse
from edgeswap.activations.layers import activation_layer
from edgeswap.errors import ConfigError
from edgeswap.frameworks import keras


class Stage(NamedTuple):
    """One row of the paper's table 2: `repeats` blocks of the same width, of which the first has the stride."""

    expansion: int
    channels: int
    repeats: int
    stride: int


PAPER_STAGES = (
    Stage(expansion=1, channels=16, repeats=1, stride=1),
    Stage(expansion=6, channels=24, repeats=2, stride=2),
    Stage(expansion=6, channels=32, repeats=3, stride=2),
    Stage(expansion=6, channels=64, repeats=4, stride=2),
    Stage(expansion=6, channels=96, repeats=3, stride=1),
    Stage(expansion=6, channels=160, repeats=3, stride=2),
    Stage(expansion=6, channels=320, repeats=1, stride=1),
)


def build(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    alpha: float = 1.0,
    activation: str | Activation = "relu6",
    stages: Sequence[Stage] = PAPER_STAGES,
    stem_channels: int = 32,
    stem_stride: int = 2,
    last_channels: int = 1280,
    momentum: float = 0.999,
    classifier_activation: str | None = None,
    name: str = "mobilenet_v2",
) -> keras.Model:
    """An untrained MobileNetV2: stem, inverted residuals, last convolution, average pooling, classifier.

    With the defaults its weights have the order and shapes of `keras.applications.MobileNetV2`'s.

    Args:
        input_shape: height, width and channels of a float32 image.
        classes: width of the output, shape (N, classes).
        alpha: width multiplier of all channels; the last convolution is never made narrower (section 6.1).
        activation: the hidden activation, by name or as a value of the catalog.
        stages: the blocks.
        stem_channels: width of the first convolution before `alpha`.
        stem_stride: stride of the first convolution.
        last_channels: width of the last convolution before `alpha`.
        momentum: of the moving averages of batch normalization. A short training needs less than the paper's 0.999.
        classifier_activation: `softmax` or, for logits, None.
        name: name of the model.

    Raises:
        ConfigError: the activation is not in the catalog, or alpha is not above 0.
    """
    if not alpha > 0:
        raise ConfigError(f"Expected alpha above 0, got {alpha}.", "The paper uses 0.35 to 1.4.")
    block = _Block(parse(activation) if isinstance(activation, str) else activation, momentum)

    image = keras.Input(input_shape, name="image")
    x = keras.layers.Conv2D(
        _round_channels(stem_channels * alpha), 3, strides=stem_stride, padding="same", use_bias=False, name="stem_conv"
    )(image)
    x = block.normalize_and_activate(x, "stem")
    index = 0
    for stage in stages:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            x = block(x, f"block_{index}", stage.expansion, _round_channels(stage.channels * alpha), stride)
            index += 1
    x = keras.layers.Conv2D(_round_channels(last_channels * max(alpha, 1.0)), 1, use_bias=False, name="last_conv")(x)
    x = block.normalize_and_activate(x, "last")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(classes, activation=classifier_activation, name="classifier")(x)
    return keras.Model(image, x, name=name)


class _Block(NamedTuple):
    """Inverted residuals (section 3.4) that share an activation and a momentum."""

    activation: Activation
    momentum: float

    def __call__(self, x: Any, name: str, expansion: int, channels: int, stride: int) -> Any:
        """Expand, filter by depth, project without an activation; add the input where shapes allow it."""
        block_input = x
        if expansion != 1:
            x = keras.layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False, name=f"{name}_expand_conv")(x)
            x = self.normalize_and_activate(x, f"{name}_expand")
        if stride > 1:
            # Keras pads by hand here so that the centres of a 3x3 filter fall as they do in other frameworks.
            x = keras.layers.ZeroPadding2D(_padding(x.shape[1:3]), name=f"{name}_pad")(x)
        x = keras.layers.DepthwiseConv2D(
            3,
            strides=stride,
            padding="same" if stride == 1 else "valid",
            use_bias=False,
            name=f"{name}_depthwise_conv",
        )(x)
        x = self.normalize_and_activate(x, f"{name}_depthwise")
        x = keras.layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project_conv")(x)
        x = self.normalize(x, f"{name}_project")
        if stride == 1 and block_input.shape[-1] == channels:
            x = keras.layers.Add(name=f"{name}_add")([block_input, x])
        return x

    def normalize(self, x: Any, name: str) -> Any:
        return keras.layers.BatchNormalization(epsilon=1e-3, momentum=self.momentum, name=f"{name}_bn")(x)

    def normalize_and_activate(self, x: Any, name: str) -> Any:
        x = self.normalize(x, name)
        return activation_layer(self.activation, keras, name=f"{name}_{self.activation.kind}")(x)


def _round_channels(channels: float) -> int:
    """`channels` rounded to a multiple of 8, half up, at least 8 and not below 90 % of what was asked."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _padding(size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Zeros (before, after) along height and width that a 3x3 filter of stride 2 needs."""
    height, width = size
    return (height % 2, 1), (width % 2, 1)
