"""Every activation of the catalog as a layer of Keras 3 and of tf_keras: the NumPy reference's values and slopes."""

from __future__ import annotations

import json

import numpy as np
import pytest

import edgeswap
from edgeswap.activations.catalog import CATALOG, FRAMEWORK_FUNCTIONS, parse
from edgeswap.activations.layers import CLASSES, FUNCTIONS, activation_layer
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf, tf_keras

FRAMEWORKS = {"keras": keras, "tf_keras": tf_keras}
VARIANTS = [
    *CATALOG,
    "elu(alpha=0.5)",
    "elu(alpha=2)",
    "elu(alpha=0)",
    "relu_n(max_value=3)",
    "leaky_relu(negative_slope=0)",
    "leaky_relu(negative_slope=1.5)",
    "prelu(negative_slope=-0.5)",
    "swish(beta=1.5)",
    "swish(beta=-1)",
    "swish(max_value=4)",
    "swish(learn_beta=true)",
    "swish(beta=2, max_value=3, learn_beta=true)",
    "gelu(approximate=true)",
    "hard_sigmoid(slope=0.2)",
    "hard_swish(max_value=4)",
    "clipped_elu(alpha=0.5, max_value=4)",
    "clipped_elu(alpha=2, max_value=3, min_value=-0.5)",
    "clipped_elu(min_value=0)",
    "pact(max_value=2.5)",
]
CHANNELS = 5


def inputs() -> np.ndarray:
    """(7, 3, 3, CHANNELS) float32 in -8..8, off every kink, and where functions saturate."""
    x = np.random.default_rng(0).uniform(-8, 8, (7, 3, 3, CHANNELS)).astype(np.float32)
    x[0, 0, 0] = [-60, -20, 0.25, 20, 60]
    return x


def built(text: str, framework: str):
    """A model of the one layer."""
    module = FRAMEWORKS[framework]
    image = module.Input((3, 3, CHANNELS))
    return module.Model(image, activation_layer(parse(text), module, name="act")(image))


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("text", VARIANTS)
def test_values_and_slopes_are_those_of_the_reference(text, framework):
    activation, x = parse(text), inputs()
    model = built(text, framework)
    tensor = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        y = model(tensor)
    slopes = tape.gradient(y, tensor)
    # A float32 has a relative step of 1.2e-7; the longest formula rounds about eight times.
    np.testing.assert_allclose(y, activation(x.astype(np.float64)), rtol=1e-6, atol=1e-6)
    # The slope of GELU's tanh form multiplies 1 - tanh^2, which is off by a float32 step, by up to 30 where |x| < 8.
    np.testing.assert_allclose(slopes, activation.derivative(x.astype(np.float64)), rtol=2e-6, atol=4.5e-6)


@pytest.mark.parametrize("kind", CATALOG)
def test_the_plain_functions_take_what_the_catalog_lists(kind):
    x = inputs()
    activation = parse(kind)
    y = FUNCTIONS[kind](tf.convert_to_tensor(x), **activation.parameters)
    np.testing.assert_allclose(y, activation(x.astype(np.float64)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("framework", "name"), [(framework, name) for framework, names in FRAMEWORK_FUNCTIONS.items() for name in names]
)
def test_a_framework_means_by_a_name_what_the_catalog_says_it_means(framework, name):
    x = inputs()
    y = FRAMEWORKS[framework].activations.get(name)(tf.convert_to_tensor(x))
    expected = parse(FRAMEWORK_FUNCTIONS[framework][name])(x.astype(np.float64))
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("relu6", []),
        ("swish", []),
        ("swish(learn_beta=true)", [()]),
        ("pact", [()]),
        ("prelu", [(1, 1, CHANNELS)]),
    ],
)
def test_what_is_learned_are_trainable_weights_and_nothing_else(text, shapes, framework):
    layer = built(text, framework).get_layer("act")
    assert [tuple(weight.shape) for weight in layer.trainable_weights] == shapes
    assert len(layer.weights) == len(shapes)
    starts = parse(text).initial_weights(channels=CHANNELS, rank=4)
    for start, weight in zip(starts, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(start, weight)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("text", "slope"),
    [
        # Where the ceiling cuts, the output is the ceiling (PACT, equation 3 of arXiv:1805.06085).
        ("pact(max_value=2.5)", lambda x: np.sum(x > 2.5)),
        ("swish(beta=1.5, learn_beta=true)", lambda x: np.sum(x**2 / (2 + 2 * np.cosh(1.5 * x)))),
        ("prelu", lambda x: np.sum(np.minimum(x, 0), axis=(0, 1, 2))[None, None]),
    ],
)
def test_a_learned_parameter_has_the_gradient_of_the_formula(text, slope, framework):
    model, x = built(text, framework), inputs()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(tf.convert_to_tensor(x)))
    (gradient,) = tape.gradient(total, model.trainable_variables)
    np.testing.assert_allclose(gradient, slope(x.astype(np.float64)), rtol=1e-5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_learning_moves_the_parameter(framework):
    """A ceiling of 6 finds the 3 of the function it is fitted to."""
    model, x = built("pact", framework), inputs()
    target = np.clip(x, 0, 3)
    optimizer = FRAMEWORKS[framework].optimizers.SGD(0.5)
    model.compile(optimizer, "mse", jit_compile=False)
    for _ in range(60):
        model.train_on_batch(x, target)
    (ceiling,) = model.get_layer("act").get_weights()
    assert ceiling == pytest.approx(3, abs=0.01)
    assert str(parse("pact").simplified([ceiling])).startswith("relu_n(max_value=")


@pytest.mark.parametrize("text", VARIANTS)
def test_plain_keras_opens_a_saved_model(text, tmp_path):
    model, x = built(text, "keras"), inputs()
    model.set_weights([weight + np.float32(0.125) for weight in model.get_weights()])
    model.save(tmp_path / "model.keras")
    opened = keras.models.load_model(tmp_path / "model.keras", custom_objects=edgeswap.custom_objects())
    np.testing.assert_array_equal(opened(x), model(x))


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("text", ["prelu", "swish(learn_beta=true)", "pact", "clipped_elu(min_value=-0.5)"])
def test_tf_keras_opens_a_saved_model(text, ending, tmp_path):
    model, x = built(text, "tf_keras"), inputs()
    model.set_weights([weight + np.float32(0.125) for weight in model.get_weights()])
    model.save(tmp_path / f"model{ending}")
    objects = {"CatalogActivation": CLASSES["tf_keras"]}
    opened = tf_keras.models.load_model(tmp_path / f"model{ending}", custom_objects=objects)
    np.testing.assert_array_equal(opened(x), model(x))


NATIVE = {
    "keras": "linear sigmoid tanh relu softplus elu selu relu6 relu_n leaky_relu swish mish gelu hard_sigmoid "
    "hard_swish hard_tanh",
    "tf_keras": "linear sigmoid tanh relu elu relu6 leaky_relu swish gelu",
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_keras_own_layers_stand_where_it_has_them(framework):
    own = {
        kind
        for kind in CATALOG
        if not isinstance(activation_layer(parse(kind), FRAMEWORKS[framework]), CLASSES[framework])
    }
    assert own == set(NATIVE[framework].split())


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("shape", [(1, 1, CHANNELS), (3, 3, CHANNELS), (1, 3, CHANNELS)])
def test_a_prelu_with_known_weights_is_keras_own_and_shares_the_axes_they_share(framework, shape):
    module = FRAMEWORKS[framework]
    weight = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    image = module.Input((3, 3, CHANNELS))
    layer = activation_layer(parse("prelu"), module, weights=[weight])
    model = module.Model(image, layer(image))
    assert isinstance(layer, module.layers.PReLU)
    layer.set_weights([weight])
    x = inputs()
    np.testing.assert_allclose(model(x), np.where(x > 0, x, weight * x), rtol=1e-6)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("shape", [(CHANNELS,), (4, CHANNELS), (2, 2, 2, CHANNELS)])
def test_a_prelu_has_a_slope_for_each_channel_whatever_the_rank(framework, shape):
    module = FRAMEWORKS[framework]
    data = module.Input(shape)
    layer = activation_layer(parse("prelu"), module)
    module.Model(data, layer(data))
    assert tuple(layer.weights[0].shape) == (1,) * (len(shape) - 1) + (CHANNELS,)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_prelu_without_a_channel_count_is_refused(framework):
    module = FRAMEWORKS[framework]
    with pytest.raises(ModelError, match="fixed number of channels for the prelu"):
        activation_layer(parse("prelu"), module)(module.Input((4, None)))


def test_the_config_of_a_layer_is_plain_json():
    layer = activation_layer(parse("clipped_elu(alpha=0.5)"), tf_keras, name="act")
    config = json.loads(json.dumps(layer.get_config()))
    assert config["kind"] == "clipped_elu"
    assert config["parameters"] == {"alpha": 0.5, "max_value": 6.0, "min_value": None}
    assert str(CLASSES["tf_keras"].from_config(config).activation) == "clipped_elu(alpha=0.5)"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_mask_and_a_half_precision_policy_pass_through(framework):
    module = FRAMEWORKS[framework]
    layer = activation_layer(parse("pact"), module, dtype="mixed_float16")
    y = layer(tf.constant([[7.0, -1.0]], tf.float16))
    assert y.dtype == tf.float16
    assert layer.weights[0].dtype in (tf.float32, "float32")
    assert layer.supports_masking
