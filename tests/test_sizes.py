"""Heights and widths from configs alone, held against those that Keras computes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.graph.sizes import spatial_sizes

LAYERS = tf_keras.layers
SAME = st.sampled_from(["same", "valid"])
EXTENT = st.integers(1, 3)
STEP = st.one_of(
    st.builds(lambda k, s, p: LAYERS.Conv2D(2, k, s, p), EXTENT, EXTENT, SAME),
    st.builds(lambda k, d, p: LAYERS.Conv2D(2, k, dilation_rate=d, padding=p), EXTENT, EXTENT, SAME),
    st.builds(LAYERS.DepthwiseConv2D, EXTENT, EXTENT, SAME),
    st.builds(LAYERS.MaxPooling2D, EXTENT, EXTENT, SAME),
    st.builds(LAYERS.AveragePooling2D, EXTENT, EXTENT, SAME),
    st.builds(lambda a, b: LAYERS.ZeroPadding2D(((a, b), (b, 0))), st.integers(0, 3), st.integers(0, 3)),
    st.builds(lambda a: LAYERS.Cropping2D(((a, 0), (0, 1))), st.integers(0, 1)),
    st.builds(LAYERS.UpSampling2D, st.integers(1, 3)),
    st.builds(LAYERS.BatchNormalization),
    st.builds(lambda: LAYERS.Activation("swish")),
)


def keras_sizes(model):
    """Of every layer that is called once and gives an image."""
    shapes = {layer.name: layer.output.shape for layer in model.layers}
    return {name: (shape[1], shape[2]) for name, shape in shapes.items() if len(shape) == 4}


@settings(max_examples=60)
@given(steps=st.lists(STEP, max_size=5))
def test_every_size_is_that_of_keras(steps):
    image = x = LAYERS.Input((17, 12, 3))
    for step in steps:
        if min(x.shape[1:3]) < 8:
            break
        x = step(x)
    model = tf_keras.Model(image, x)
    assert spatial_sizes(canonicalize(read(model))) == keras_sizes(model)


@pytest.mark.parametrize("name", ["MobileNetV2", "EfficientNetB0", "DenseNet121"])
def test_families_are_known_up_to_their_pooling(name):
    model = getattr(keras.applications, name)(input_shape=(64, 96, 3), weights=None)
    found, expected = spatial_sizes(canonicalize(read(model))), keras_sizes(model)
    known = {node: size for node, size in found.items() if node in expected}
    assert known.items() <= expected.items()
    assert len(known) == len(expected)


def test_an_image_of_any_size_has_none():
    image = LAYERS.Input((None, None, 3))
    model = tf_keras.Model(image, LAYERS.Conv2D(2, 3)(image))
    assert spatial_sizes(canonicalize(read(model))) == {}
