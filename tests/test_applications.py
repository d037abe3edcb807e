"""Every family of keras.applications through read, canonicalize and build: the same logits, the same parameters."""

import os
from dataclasses import replace

import numpy as np
import pytest

from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read

pytestmark = [
    pytest.mark.slow,
    # tf_keras's EfficientNetV2 holds an initializer of TensorFlow's own.
    pytest.mark.filterwarnings("ignore:The `keras.initializers.serialize:UserWarning"),
]

# One of each family, with height and width of its input. The Inception networks get more and larger images: where
# batch normalization has few values for its statistics it magnifies the last bit, in which the frameworks differ.
FAMILIES = {
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "DenseNet121": 64,
    "NASNetMobile": 64,
    "ConvNeXtTiny": 64,
    "RegNetX002": 64,
    "ResNetRS50": 64,
    "Xception": 75,
    "InceptionV3": 139,
    "InceptionResNetV2": 107,
    "VGG16": 32,
}
IN_CI = ("ConvNeXtTiny", keras)  # layer normalization and GELU go the longest way; all others take minutes
CASES = [
    pytest.param(
        family,
        framework,
        id=f"{family}-{framework.__name__}",
        marks=[] if (family, framework) == IN_CI else pytest.mark.families,
    )
    for family in FAMILIES
    for framework in (keras, tf_keras)
    if hasattr(framework.applications, family)
]
EVERY_LAYER = bool(os.environ.get("EDGESWAP_EVERY_LAYER"))
WITHIN, ACROSS = 1e-5, 1e-4  # of the largest logit; float32 kernels add in another order when a model is built anew


@pytest.mark.parametrize(("family", "framework"), CASES)
def test_a_family_keeps_its_logits_and_its_parameters(family, framework):
    size = FAMILIES[family]
    count = 16 if "Inception" in family else 4
    images = _patches(count, size)
    model = _lively(family, framework, images)
    logits = model.predict(images, verbose=0)
    largest = np.abs(logits).max()
    assert np.ptp(logits, axis=0).max() > 0.01
    graph = canonicalize(read(model))
    for other, tolerance in ((framework, WITHIN), (tf_keras if framework is keras else keras, ACROSS)):
        built = build(graph, other)
        assert built.count_params() == model.count_params()
        assert np.abs(built.predict(images, verbose=0) - logits).max() <= tolerance * largest
        if other is tf_keras:
            _zeroing_any_layer_shows(graph, built, images, logits, tolerance * largest)


def _patches(count, size):
    """Images of 6x6 coloured patches: noise of single pixels averages out, and leaves channels that hardly vary."""
    coarse = np.random.default_rng(0).uniform(0, 255, (count, 6, 6, 3)).astype(np.float32)
    side = -(-size // 6)
    return coarse.repeat(side, axis=1).repeat(side, axis=2)[:, :size, :size]


def _lively(family, framework, images):
    """The family with random weights under which every layer counts, its batch normalization set from the images."""
    framework.utils.set_random_seed(0)
    shape = images.shape[1:]
    model = getattr(framework.applications, family)(
        weights=None, input_shape=shape, classes=10, classifier_activation=None
    )
    random = np.random.default_rng(1)
    for variable in model.weights:
        name = variable.path if framework is keras else variable.name
        if any(part in name for part in ("gamma", "layer_scale")):
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
        elif any(part in name for part in ("beta", "bias")):
            variable.assign(random.normal(0, 0.1, variable.shape))
    for layer in _flat(model, framework):
        if isinstance(layer, framework.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images, training=True)
    return model


def _flat(model, framework):
    for layer in model.layers:
        if isinstance(layer, framework.Model):
            yield from _flat(layer, framework)
        else:
            yield layer


def _zeroing_any_layer_shows(graph, model, images, logits, tolerance):
    layers = [layer for layer in model.layers if layer.weights]
    chosen = layers if EVERY_LAYER else [layers[i] for i in np.linspace(0, len(layers) - 1, 4).astype(int)]
    for layer in chosen:
        weights = layer.get_weights()
        zeros = [np.zeros_like(array) for array in weights]
        if isinstance(layer, tf_keras.layers.Normalization):  # it reads its weights when it is built
            changed = build(graph.with_layers({layer.name: replace(graph.layers[layer.name], weights=tuple(zeros))}))
            moved = changed.predict(images, verbose=0)
        else:
            layer.set_weights(zeros)
            moved = model.predict(images, verbose=0)
            layer.set_weights(weights)
        assert not np.abs(moved - logits).max() <= tolerance, layer.name
