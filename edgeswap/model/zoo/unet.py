"""A small U-Net: a class for each pixel of a canvas, the background or one of ten digits.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", arXiv:1505.04597.
"""

from __future__ import annotations

from edgeswap.frameworks import keras
from edgeswap.model.zoo.blocks import convolution, seeded

SIZE = 24
CHANNELS = (12, 24, 48)  # from full resolution down


def build(*, seed: int = 0) -> keras.Model:
    """The untrained network: float32 (N, 24, 24, 1) in 0..1 to the softmax (N, 24, 24, 11), class 0 the background."""
    with seeded(seed):
        image = keras.Input((SIZE, SIZE, 1), name="image")
        x, skips = image, []
        for channels in CHANNELS[:-1]:
            skips.append(x := convolution(x, channels))
            x = keras.layers.MaxPooling2D()(x)
        x = convolution(x, CHANNELS[-1])
        for channels, skip in zip(CHANNELS[-2::-1], reversed(skips), strict=True):
            x = keras.layers.Concatenate()([keras.layers.UpSampling2D()(x), skip])
            x = convolution(x, channels)
        scores = keras.layers.Conv2D(11, 1, activation="softmax", name="classes")(x)
        return keras.Model(image, scores, name="unet")
