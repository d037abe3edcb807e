"""A small network in the manner of EfficientNetB0, in Keras 3: inverted residuals whose channels gates weigh.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946, section 4; the
gates are those of Hu et al., "Squeeze-and-Excitation Networks", arXiv:1709.01507.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from edgeswap.frameworks import keras

REDUCTION = 4  # of a gate's inner width against the block's input, as in the paper
MOMENTUM = 0.95


class Block(NamedTuple):
    """One inverted residual: it widens by `expansion`, filters with `kernel` by depth and narrows to `channels`."""

    expansion: int
    channels: int
    kernel: int
    stride: int


# The first rows of the paper's table 1. Strides come early: at 32x32 an epoch would take ten times as long.
BLOCKS = (
    Block(expansion=1, channels=16, kernel=3, stride=1),
    Block(expansion=4, channels=24, kernel=3, stride=2),
    Block(expansion=4, channels=24, kernel=3, stride=1),
    Block(expansion=4, channels=40, kernel=5, stride=2),
    Block(expansion=4, channels=40, kernel=5, stride=1),
)
STEM_CHANNELS = 16
LAST_CHANNELS = 160


def build(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """The untrained network with swish throughout, the gates apart: a float32 image to logits (N, classes)."""
    image = keras.Input(input_shape, name="image")
    x = _normalized(keras.layers.Conv2D(STEM_CHANNELS, 3, 2, "same", use_bias=False, name="stem_conv")(image), "stem")
    x = _activated(x, "stem")
    for index, block in enumerate(BLOCKS):
        x = _inverted_residual(x, block, f"block_{index}")
    x = _normalized(keras.layers.Conv2D(LAST_CHANNELS, 1, use_bias=False, name="last_conv")(x), "last")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(_activated(x, "last"))
    return keras.Model(image, keras.layers.Dense(classes, name="classifier")(x), name="efficientnet")


def _inverted_residual(x: Any, block: Block, name: str) -> Any:
    block_input, width = x, x.shape[-1]
    if block.expansion != 1:
        x = keras.layers.Conv2D(block.expansion * width, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _activated(_normalized(x, f"{name}_expand"), f"{name}_expand")
    x = keras.layers.DepthwiseConv2D(block.kernel, block.stride, "same", use_bias=False, name=f"{name}_depthwise_conv")(
        x
    )
    x = _activated(_normalized(x, f"{name}_depthwise"), f"{name}_depthwise")
    x = keras.layers.Multiply(name=f"{name}_gated")([x, _gate(x, width // REDUCTION, name)])
    x = keras.layers.Conv2D(block.channels, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalized(x, f"{name}_project")
    if block.stride == 1 and block_input.shape[-1] == block.channels:
        x = keras.layers.Add(name=f"{name}_add")([block_input, x])
    return x


def _gate(x: Any, width: int, name: str) -> Any:
    """A factor in 0..1 for each channel, from the mean of all: shape (N, 1, 1, channels)."""
    channels = x.shape[-1]
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    x = _activated(keras.layers.Conv2D(width, 1, name=f"{name}_reduce_conv")(x), f"{name}_reduce")
    return keras.layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_excite_conv")(x)


def _normalized(x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)


def _activated(x: Any, name: str) -> Any:
    return keras.layers.Activation("swish", name=f"{name}_swish")(x)
