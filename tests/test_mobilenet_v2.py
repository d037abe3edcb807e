"""The network against keras.applications', on real images and with the batch-normalization statistics they give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeswap.data.load import load
from edgeswap.data.preprocess import from_name
from edgeswap.errors import ConfigError
from edgeswap.frameworks import keras, tf
from edgeswap.model.zoo import mobilenet_v2

SIZE = 96
TOLERANCE = 1e-5  # of the largest logit: float32 sums of a few thousand terms differ by some 1e-6 of it


@pytest.fixture(scope="module")
def images() -> Any:
    """Eight real images unlike each other: three scanned digits each, as the channels of one, enlarged."""
    digits = load("digits/test", input_shapes={"image": (8, 8, 1)})
    raw = np.concatenate([digits.read(range(start, start + 8)) for start in (0, 8, 16)], axis=-1)
    resized = tf.image.resize(raw, (SIZE, SIZE)).numpy()
    return from_name("symmetric")(resized)


def with_statistics(model: Any, images: Any) -> Any:
    """The model with random scales and offsets, and the moving averages that `images` give, layer by layer.

    A training pass with momentum 0 leaves each batch's own statistics behind; activations then neither vanish nor grow.
    """
    random = np.random.default_rng(0)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.gamma.assign(random.uniform(0.5, 1.5, layer.gamma.shape))
        layer.beta.assign(random.normal(0.5, 0.5, layer.beta.shape))
        layer.momentum = 0.0
    model(images, training=True)
    return model


def pair(alpha: float, images: Any) -> tuple[Any, Any]:
    """keras.applications' network with statistics, and ours with its weights."""
    keras.utils.set_random_seed(0)
    reference = keras.applications.MobileNetV2(
        (SIZE, SIZE, 3), alpha=alpha, weights=None, classes=100, classifier_activation=None
    )
    with_statistics(reference, images)
    ours = mobilenet_v2.build((SIZE, SIZE, 3), 100, alpha=alpha)
    ours.set_weights(reference.get_weights())
    return reference, ours


def relative_difference(expected: Any, got: Any) -> float:
    return float(np.abs(expected - got).max() / np.abs(expected).max())


@pytest.fixture(scope="module")
def narrow(images: Any) -> tuple[Any, Any]:
    """The reference of alpha 0.35 and its logits, which no test changes."""
    reference, _ = pair(0.35, images)
    return reference, reference(images, training=False).numpy()


@pytest.mark.parametrize("alpha", [0.35, pytest.param(1.4, marks=[pytest.mark.slow, pytest.mark.rare])])
def test_logits_equal_those_of_keras_applications(alpha: float, images: Any) -> None:
    reference, ours = pair(alpha, images)
    expected = reference(images, training=False).numpy()
    assert expected.std(axis=0).min() > 0.01, "logits must differ over the inputs, or the comparison proves nothing"
    assert relative_difference(expected, ours(images, training=False).numpy()) < TOLERANCE


@pytest.mark.slow
@pytest.mark.rare  # how fine the comparison above is
def test_a_planted_change_in_any_one_layer_is_seen(images: Any) -> None:
    reference, ours = pair(0.35, images)
    images = images[:2]  # 263 calls
    expected = reference(images, training=False).numpy()
    # Traced once: it reads the weights as they are at each call.
    logits = tf.function(lambda: ours(images, training=False))
    assert relative_difference(expected, logits().numpy()) < TOLERANCE
    unseen = []
    changed = [(layer, index) for layer in ours.layers for index in range(len(layer.weights))]
    assert len(changed) == len(reference.weights) == 262
    for layer, index in changed:
        weights = layer.get_weights()
        one_percent = [array * 1.01 if at == index else array for at, array in enumerate(weights)]
        if not weights[index].any():  # the classifier's bias starts at 0
            one_percent[index] = weights[index] + np.linspace(0, 0.01, weights[index].size, dtype=np.float32)
        layer.set_weights(one_percent)
        if relative_difference(expected, logits().numpy()) < TOLERANCE:
            unseen.append(layer.weights[index].path)
        layer.set_weights(weights)
    assert unseen == []
    assert relative_difference(expected, logits().numpy()) < TOLERANCE


@pytest.mark.slow
@pytest.mark.rare
@pytest.mark.parametrize("mistake", ["padding", "stem_stride", "stage_stride", "activation", "epsilon"])
def test_a_mistake_without_weights_is_seen(
    mistake: str, images: Any, narrow: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, expected = narrow
    options: dict[str, Any] = {}
    if mistake == "padding":
        monkeypatch.setattr(mobilenet_v2, "_padding", lambda size: ((1, size[0] % 2), (1, size[1] % 2)))
    elif mistake == "stem_stride":
        options["stem_stride"] = 1
    elif mistake == "stage_stride":
        stages = list(mobilenet_v2.PAPER_STAGES)
        stages[4], stages[5] = stages[4]._replace(stride=2), stages[5]._replace(stride=1)
        options["stages"] = stages
    elif mistake == "activation":
        options["activation"] = "relu"
    ours = mobilenet_v2.build((SIZE, SIZE, 3), 100, alpha=0.35, **options)
    ours.set_weights(reference.get_weights())
    if mistake == "epsilon":
        for layer in ours.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.epsilon = 1e-2
    assert relative_difference(expected, ours(images, training=False).numpy()) > TOLERANCE


@pytest.mark.slow
def test_the_paper_s_network_has_17_inverted_residuals_with_linear_bottlenecks() -> None:
    model = mobilenet_v2.build((SIZE, SIZE, 3))
    names = [layer.name for layer in model.layers]
    assert sum(name.endswith("depthwise_conv") for name in names) == 17
    assert sum(name.endswith("_add") for name in names) == 10  # 17 less the first of each of seven stages
    for index in range(17):
        after = model.get_layer(f"block_{index}_project_bn").output
        readers = [layer for layer in model.layers if any(t is after for t in tf.nest.flatten(layer.input))]
        assert not any(isinstance(layer, (keras.layers.ReLU, keras.layers.Activation)) for layer in readers)
    assert model.count_params() == 3_538_984  # keras.applications' own figure for alpha 1.0 and 1000 classes


@pytest.mark.parametrize(
    "activation", ["relu", "relu6", "swish", "hard_swish", "clipped_elu(max_value=4)", "elu(alpha=0.5)"]
)
def test_any_activation_of_the_catalog(activation: str) -> None:
    stages = [mobilenet_v2.Stage(1, 8, 1, 1), mobilenet_v2.Stage(2, 8, 2, 2)]
    model = mobilenet_v2.build((8, 8, 1), 3, activation=activation, stages=stages, stem_stride=1, momentum=0.9)
    kind = activation.partition("(")[0]
    layer = model.get_layer(f"stem_{kind}")
    x = np.linspace(-8, 8, 65, dtype=np.float32)
    from edgeswap.activations.catalog import parse

    np.testing.assert_allclose(layer(x).numpy(), parse(activation)(x), atol=2e-6)
    assert all(n.momentum == 0.9 for n in model.layers if isinstance(n, keras.layers.BatchNormalization))
    assert model(np.zeros((2, 8, 8, 1), np.float32)).shape == (2, 3)


@pytest.mark.slow
@pytest.mark.rare  # nobody changes that network
def test_odd_sizes_are_padded_as_in_keras() -> None:
    keras.utils.set_random_seed(1)
    images = np.random.default_rng(1).normal(size=(4, 75, 53, 3)).astype(np.float32)
    reference = keras.applications.MobileNetV2(
        (75, 53, 3), alpha=0.35, weights=None, classes=10, classifier_activation=None
    )
    with_statistics(reference, images)
    ours = mobilenet_v2.build((75, 53, 3), 10, alpha=0.35)
    ours.set_weights(reference.get_weights())
    assert relative_difference(reference(images).numpy(), ours(images).numpy()) < TOLERANCE


@pytest.mark.parametrize(("options", "wrong"), [({"alpha": 0.0}, "alpha"), ({"activation": "wish"}, "wish")])
def test_what_cannot_be_built_is_refused(options: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        mobilenet_v2.build((32, 32, 3), 10, **options)
