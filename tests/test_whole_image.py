"""Poolings of the whole image become means with a scale of their own."""

import numpy as np
import pytest

from edgeswap.conversion.convert import convert
from edgeswap.frameworks import tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.quantization.whole_image import means_of_whole_images
from edgeswap.tflite.flatbuffer import operators
from edgeswap.tflite.flatbuffer import read as read_flatbuffer

LAYERS = tf_keras.layers


def ends_in(pooling, size=8):
    image = LAYERS.Input((size, size, 3), name="image")
    x = LAYERS.Activation("swish")(LAYERS.Conv2D(6, 3, padding="same")(image))
    return tf_keras.Model(image, LAYERS.Dense(4)(LAYERS.Flatten()(pooling(x))))


def classes_of(graph):
    return [layer.class_name for layer in graph.layers.values()]


@pytest.mark.parametrize(
    "pooling", [LAYERS.AveragePooling2D(8), LAYERS.AveragePooling2D(8, strides=1, padding="valid")]
)
def test_a_window_of_the_whole_image_is_a_mean_and_the_function_stays(pooling):
    model = ends_in(pooling)
    changed = means_of_whole_images(canonicalize(read(model)))
    assert "GlobalAveragePooling2D" in classes_of(changed)
    samples = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    # The mean is summed in another order: float32's rounding of values near 1.
    np.testing.assert_allclose(build(changed)(samples), model(samples), atol=1e-5)


@pytest.mark.parametrize(
    "pooling",
    [
        LAYERS.AveragePooling2D(4),
        LAYERS.AveragePooling2D((8, 4)),
        LAYERS.AveragePooling2D(8, strides=4, padding="same"),
        LAYERS.AveragePooling2D(7),  # one window, but not of all
        LAYERS.MaxPooling2D(8),
    ],
)
def test_any_other_window_stays(pooling):
    graph = canonicalize(read(ends_in(pooling)))
    assert classes_of(means_of_whole_images(graph)) == classes_of(graph)


@pytest.mark.slow
def test_the_mean_has_steps_of_its_own_in_int8():
    """A mean of 64 values lies far inside of their range, so its steps are finer."""
    model = ends_in(LAYERS.AveragePooling2D(8))
    samples = np.random.default_rng(0).normal(size=(50, 8, 8, 3)).astype(np.float32)
    placement = place(canonicalize(read(model)), input_ranges={"image": (-4.0, 4.0)})
    fake_quant = quantize(placement, resolve(placement, calibrate(placement, [samples]), trains=False))
    data = convert(fake_quant, representative=[samples[:1]])
    flatbuffer = read_flatbuffer(data)
    assert "MEAN" in operators(flatbuffer)
    assert "AVERAGE_POOL_2D" not in operators(flatbuffer)
    tensors = flatbuffer.subgraphs[0].tensors
    (mean,) = (
        operator
        for operator in flatbuffer.subgraphs[0].operators
        if flatbuffer.operatorCodes[operator.opcodeIndex].builtinCode == 40  # MEAN in TFLite's schema
    )
    before, after = (tensors[index].quantization.scale[0] for index in (mean.inputs[0], mean.outputs[0]))
    assert after < before / 2
