"""Every activation of the catalog as a layer of Keras 3 and of tf_keras: the NumPy reference's values and slopes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import edgeswap
from edgeswap.activations.catalog import CATALOG, FRAMEWORK_FUNCTIONS, parse
from edgeswap.activations.int8_endings import ENDINGS
from edgeswap.activations.layers import CLASSES, FUNCTIONS, activation_layer
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.flatbuffer import operator_name
from edgeswap.tflite.flatbuffer import read as read_tflite
from edgeswap.tflite.full_integer import verify
from edgeswap.tflite.hard_swish import rewrite_hard_swish

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


@pytest.mark.slow
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


# Beside the kinds at their defaults: (operators of one activation, largest error in int8 steps of the output).
# One operator rounds by half a step, and its table or multiplier may do so again: one step. Where several follow each
# other, what is rounded on the way is multiplied by x or by the last constant, in steps of the output another one or
# two. (Written as log(1 + exp(x)), softplus was off by 59 and mish by 50.)
PARAMETERS_IN_INT8 = {
    "relu_n(max_value=3)": ((), 1),
    "leaky_relu(negative_slope=0)": ((), 1),
    "swish(beta=1.5)": (("MUL", "LOGISTIC", "MUL"), 2),
    "swish(max_value=4)": (("LOGISTIC", "MUL"), 2),
    "swish(learn_beta=true)": (("LOGISTIC", "MUL"), 2),
    "gelu(approximate=true)": (("GELU",), 1),
    "hard_sigmoid(slope=0.2)": (("MUL", "ADD", "MUL"), 4),  # 1.2 x over -9.6..9.6 leaves 13 values for a unit of x
    "clipped_elu(alpha=0.5)": (("ELU", "LEAKY_RELU"), 2),
    "clipped_elu(min_value=-0.5)": (("ELU",), 1),
}
STEPS = {"swish": 2, "hard_swish": 2, "hard_sigmoid": 2, "softplus": 2, "selu": 2, "mish": 3}


@pytest.mark.slow
@pytest.mark.rare  # test_predicted_operators.py converts every activation, and test_convert.py holds values of some
def test_what_becomes_of_each_in_int8_is_what_the_table_says():
    """Operators, cuts in the delegate's graph and the largest error of the function itself, really converted."""
    expected = {kind: (ENDINGS[kind]["XNNPACK"].operators, STEPS.get(kind, 1)) for kind in CATALOG}
    expected |= PARAMETERS_IN_INT8
    cut = [text for text in expected if ENDINGS[parse(text).kind]["XNNPACK"].outside]
    # Models of many branches, since a conversion costs about as much for one branch as for ten.
    groups = {(True, 2): cut, (True, 1): [text for text in expected if text not in cut], (False, 0): [*expected]}
    jobs = [
        Conversion(_quantized(texts, between=between), "int8", [_samples()] * len(texts))
        for (between, _), texts in groups.items()
    ]
    files = [rewrite_hard_swish(fold_elu(file)) for file in convert_all(jobs)]
    for ((between, parts), texts), file in zip(groups.items(), files, strict=True):
        assert verify(file).is_full_integer
        if between:
            own = {text: ["CONV_2D", *expected[text][0], "CONV_2D"] for text in texts}
            assert dict(zip(texts, _names_by_output(file), strict=True)) == own
            assert _delegated_parts(file) == parts
    errors = _largest_errors_in_steps([*expected], files[-1])
    assert {text: error for text, error in errors.items() if error > expected[text][1]} == {}, errors


def _samples() -> np.ndarray:
    x = np.random.default_rng(0).uniform(-8, 8, (16, 8, 8, CHANNELS)).astype(np.float32)
    x[0, 0, :2] = [[-8], [8]]  # what is observed reaches as far as what is tested
    return x


def _quantized(texts: list[str], *, between: bool):
    """A branch for each: the activation between two convolutions, or it alone, with fake-quant.

    Each branch has an input of its own, so that the converter does not make one of two that give the same.
    """
    keras.utils.set_random_seed(1)
    images, ends, activations = [], [], {}
    for number, text in enumerate(texts):
        x = keras.Input((8, 8, CHANNELS), name=f"image{number}")
        images.append(x)
        x = keras.layers.Conv2D(CHANNELS, 3, padding="same")(x) if between else x
        x = keras.layers.ReLU(name=f"act{number}")(x)
        activations[f"act{number}"] = parse(text)
        ends.append(keras.layers.Conv2D(CHANNELS, 3)(x) if between else x)
    graph = canonicalize(read(keras.Model(images, ends)))
    swapped = {name: _with(graph.layers[name], activation) for name, activation in activations.items()}
    placement = place(graph.with_layers(swapped), input_ranges={ref.node: (-8.0, 8.0) for ref in graph.inputs})
    return quantize(placement, resolve(placement, calibrate(placement, [_samples()] * len(texts))))


def _with(layer, activation):
    starts = activation.initial_weights(channels=CHANNELS, rank=4)
    # With one value for all channels the plainer kind would take its place; a thousandth is a quarter of a step at -8.
    weights = tuple(start + np.linspace(0, 1e-3, start.size, dtype=np.float32).reshape(start.shape) for start in starts)
    config = {"kind": activation.kind, "parameters": dict(activation.parameters), "dtype": "float32"}
    return replace(layer, config=config, weights=weights)


def _names_by_output(data: bytes) -> list[list[str]]:
    """The operators that each output is computed by, in their order."""
    model = read_tflite(data)
    graph = model.subgraphs[0]
    found = []
    for output in graph.outputs:
        needed, names = {output}, []
        for operator in reversed(graph.operators):
            if needed & {*operator.outputs}:
                needed |= {*operator.inputs}
                names.append(operator_name(model.operatorCodes[operator.opcodeIndex]))
        found.append(names[::-1])
    return found


def _delegated_parts(data: bytes) -> int:
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    return sum(operator["op_name"] == "DELEGATE" for operator in interpreter._get_ops_details())


def _largest_errors_in_steps(texts: list[str], data: bytes) -> dict[str, float]:
    """Over the int8 inputs that stand for -8..8, against the function of what they stand for."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    integers = np.resize(np.arange(-128, 128), inputs[0]["shape"]).astype(np.int8)
    for each in inputs:
        interpreter.set_tensor(each["index"], integers)
    interpreter.invoke()
    errors = {}
    for text, taken, given in zip(texts, inputs, outputs, strict=True):
        scale, zero_point = taken["quantization"]
        x = scale * (integers.astype(np.float64) - zero_point)
        expected = parse(text)(x)
        scale, zero_point = given["quantization"]
        got = scale * (interpreter.get_tensor(given["index"]).astype(np.float64) - zero_point)
        errors[text] = float(np.max(np.abs(got - expected)[np.abs(x) <= 8]) / scale)
    return errors
